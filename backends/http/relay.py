"""The backend behind an HTTP address: opens a call up to its commit point.

A kept connection that ends without a byte of an answer is followed by a new one, once: nearly always the engine had
closed it before it saw the request. An engine that died of it accepts no new connection, and the request is then not
offered to the engine that follows. The only other retry is for a limit of tokens that was refused: see ``room.py``.
"""

import asyncio
from pathlib import Path

from backends.contract import Call, Canary, Health, Reply
from backends.errors import BackendError, Cause
from backends.http.connection import Connection
from backends.http.failed_event import failed_at, failure
from backends.http.lines import read_to_commit
from backends.http.pool import MOST_IDLE, Address, Pool
from backends.http.refusal import refusal
from backends.http.reply import StreamReply, WholeReply
from backends.http.room import fitting
from backends.http.vitals import Vitals
from backends.wire.sse import MOST_EVENT_BYTES, first_event_end

MOST_BODY = 64 * 1024 * 1024
_MOST_HEADS = 64
_ENDED = frozenset({Cause.UPSTREAM_CONNECT, Cause.STREAM_BROKEN})
_FORWARDED = frozenset({b"openai-processing-ms", b"openai-version"})
"""Headers of a backend that a client may see; everything else is ours to say."""


class HttpBackend:
    """Implements ``Backend``. ``name`` is the label of its kind; ``target`` a socket path or an ``http://`` URL."""

    def __init__(
        self,
        name: str,
        target: Path | str,
        *,
        health_path: str = "/health",
        canary: Canary | None = None,
        keeps: bool = True,
    ) -> None:
        """``keeps``: a connection serves one request after the other. Not with vLLM's server: a request that comes
        while it tidies up after the last answer can be left lying until it closes the connection seconds later.
        """
        self.name = name
        self._pool = Pool(Address.of(target), most_idle=MOST_IDLE if keeps else 0)
        self._vitals = Vitals(self._apart, health_path, canary)
        self._heads: dict[tuple[str, str, str], bytes] = {}

    async def open(self, call: Call) -> Reply:
        """See ``Backend.open``. A limit of tokens above the context is no refusal: it is asked for what fits, once."""
        try:
            return await self._open(call)
        except BackendError as error:
            again = fitting(call, error)
            if again is None:
                raise
        return await self._open(again)

    async def _open(self, call: Call) -> Reply:
        request = self._request(call)
        connection = self._pool.take()
        if connection is not None:
            try:
                return await self._exchange(connection, request, call)
            except BackendError as error:
                if connection.answered or error.cause not in _ENDED:
                    raise
                ended = error
            try:
                connection = await self._pool.connect()
            except BackendError:
                raise ended from None
        else:
            connection = await self._pool.connect()
        return await self._exchange(connection, request, call)

    async def health(self) -> Health:
        """See ``Vitals``."""
        return await self._vitals.check()

    async def aclose(self) -> None:
        """Closes idle connections; streams in progress end with their engine."""
        self._pool.close()

    async def _apart(self, call: Call) -> Reply:
        """On a connection of its own, so that a full pool cannot hide a dead engine."""
        connection = await self._pool.connect()
        reply = await self._exchange(connection, self._request(call), call)
        connection.abort()
        return reply

    async def _exchange(self, connection: Connection, request: bytes, call: Call) -> Reply:
        try:
            connection.send(request)
            limit = call.first_event_timeout if call.stream or call.lines else call.answer_timeout
            deadline = asyncio.get_running_loop().time() + limit
            await connection.news(deadline)
            while not connection.has_head:
                await connection.wait(deadline)
            if call.lines and 200 <= connection.status < 300:
                return await self._lines(connection, call)
            if call.stream and 200 <= connection.status < 300:
                return await self._stream(connection, call, deadline)
            body = connection.take() if connection.complete else await _body(connection, deadline)
        except BaseException:
            connection.abort()
            raise
        self._pool.put(connection)
        if not 200 <= connection.status < 300:
            raise refusal(connection.status, connection.headers, body)
        content_type, forwarded = _read_head(connection)
        if call.method == "POST" and not call.bare and not content_type.startswith("application/json"):
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend did not answer in JSON")
        return WholeReply(connection.status, content_type, forwarded, body)

    async def _stream(self, connection: Connection, call: Call, deadline: float) -> Reply:
        content_type, forwarded = _read_head(connection)
        if not content_type.startswith("text/event-stream"):
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend did not answer with a stream")
        first = connection.take()
        while first_event_end(first) < 0:
            if len(first) > MOST_EVENT_BYTES:
                raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend sent an event that is too large")
            if connection.complete:
                raise BackendError(Cause.STREAM_BROKEN, "the backend ended its stream before the first event")
            await connection.wait(deadline)
            first += connection.take()
        if call.terminator and (at := failed_at(first)) >= 0:
            # Of an answer that fails at once nothing has been told: another candidate may still be tried.
            raise failure(first[at:], begun=False)
        return StreamReply(
            connection,
            first,
            content_type,
            forwarded,
            idle_timeout=call.idle_timeout,
            terminator=call.terminator,
            release=self._pool.put,
        )

    async def _lines(self, connection: Connection, call: Call) -> Reply:
        content_type, forwarded = _read_head(connection)
        first, whole = await read_to_commit(connection, call, content_type)
        if whole:
            # What follows the last line is the end of the body, which may not have come yet.
            connection.abort()
            return WholeReply(connection.status, content_type, forwarded, first)
        return StreamReply(
            connection, first, content_type, forwarded,
            idle_timeout=call.idle_timeout, terminator=b"", release=self._pool.put,
        )  # fmt: skip

    def _request(self, call: Call) -> bytes:
        kind = (call.method, call.path, call.content_type)
        head = self._heads.get(kind)
        if head is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            address = self._pool.address
            head = self._heads[kind] = (
                f"{call.method} {address.prefix}{call.path} HTTP/1.1\r\nhost: {address.authority}\r\n"
                f"content-type: {call.content_type}\r\naccept: */*\r\naccept-encoding: identity\r\n"
            ).encode()
        return b"%sx-request-id: %s\r\ncontent-length: %d\r\n\r\n%s" % (
            head,
            call.request_id.encode(),
            len(call.body),
            call.body,
        )


async def _body(connection: Connection, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        parts.append(connection.take())
        size += len(parts[-1])
        if size > MOST_BODY:
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend's answer is too large")
        if connection.complete:
            return parts[0] if len(parts) == 1 else b"".join(parts)
        await connection.wait(deadline)


def _read_head(connection: Connection) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The content type, and what a client may see. An encoded body is refused: it would pass without its label."""
    content_type = ""
    forwarded: tuple[tuple[str, str], ...] = ()
    for name, value in connection.headers:
        if name == b"content-type":
            content_type = content_type or value.decode("latin-1").strip().lower()
        elif name == b"content-encoding":
            if value.strip().lower() not in (b"", b"identity"):
                raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend encoded its answer")
        elif name in _FORWARDED:
            forwarded += ((name.decode("latin-1"), value.decode("latin-1")),)
    return content_type, forwarded
