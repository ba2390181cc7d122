"""An answer in lines of JSON: the events of a media job, see ``wire/media_job.py``.

Opened up to the commit point: the first content of a stream, the last line of an answer that is wanted whole. What is
said before goes to ``Call.heard``, so that a client can be told of progress while another worker may still be tried.
"""

import asyncio

import msgspec

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.connection import Connection
from backends.wire.media_job import CONTENT, CONTENT_TYPE, LAST, MOST_LINE_BYTES, Cancelled, Event, Failed, event_of

_TOLD = frozenset({Cause.INVALID_REQUEST, Cause.OUT_OF_MEMORY, Cause.CONTENT_REFUSED, Cause.QUEUE_FULL})
"""Causes that a worker may name. Everything else is its own fault."""
_MOST_BYTES = 4 * MOST_LINE_BYTES


async def read_to_commit(connection: Connection, call: Call, content_type: str) -> tuple[bytes, bool]:
    """The lines from the commit point on, and whether they are all. Raises ``BackendError``, also what the worker says.

    Between two lines at most ``call.idle_timeout`` seconds may pass: a worker that works says so.
    """
    if not content_type.startswith(CONTENT_TYPE):
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend did not answer with the events of a job")
    loop = asyncio.get_running_loop()
    kept: list[bytes] = []
    size = 0
    rest = b""
    while True:
        *lines, rest = (rest + connection.take()).split(b"\n")
        for number, line in enumerate(lines):
            event = understood(line)
            if isinstance(event, CONTENT):
                kept.append(line)
                size += len(line)
                if call.stream or isinstance(event, LAST):
                    following = lines[number + 1 :]
                    return b"".join(each + b"\n" for each in kept + following) + rest, isinstance(event, LAST)
            elif call.heard is not None:
                call.heard(line)
        if max(len(rest), size) > (_MOST_BYTES if size else MOST_LINE_BYTES):
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend said too much")
        if connection.complete:
            raise BackendError(Cause.STREAM_BROKEN, "the backend ended in the middle of a job")
        await connection.wait(loop.time() + call.idle_timeout)


def understood(line: bytes) -> Event:
    """The event in ``line``. Raises ``BackendError`` for what is none, and for the event of a failure."""
    try:
        event = event_of(line)
    except msgspec.DecodeError as error:
        raise BackendError(
            Cause.UPSTREAM_PROTOCOL, "the backend said something that is no event", private=str(error)
        ) from None
    if isinstance(event, Failed):
        cause = Cause(event.cause) if event.cause in _TOLD else Cause.UPSTREAM_ERROR
        raise BackendError(cause, event.message[:512], param=event.param, private=event.private[:2048])
    if isinstance(event, Cancelled):
        raise BackendError(Cause.UPSTREAM_ERROR, "the backend gave the job up")
    return event
