"""An answer past its commit point, plain or streamed. Bytes pass through unchanged."""

import asyncio
from collections.abc import Callable
from typing import Self

from backends.errors import BackendError, Cause
from backends.http.connection import Connection
from backends.http.failed_event import Soundness
from backends.wire.sse import says

TAIL = 4096


class WholeReply:
    """A plain answer: everything is in ``first``, and its connection is already free."""

    __slots__ = ("content_type", "first", "headers", "status")
    complete = True

    def __init__(self, status: int, content_type: str, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        self.status = status
        self.content_type = content_type
        self.headers = headers
        self.first = body

    @property
    def usage_tail(self) -> bytes:
        # Some engines say usage before the data: both ends of a body that may be many megabytes.
        body = self.first
        return body if len(body) <= 2 * TAIL else body[:TAIL] + body[-TAIL:]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    def aclose(self) -> None:
        """Nothing is held."""


class StreamReply:
    """A stream from its first event on. ``release`` takes the connection back after a whole answer."""

    __slots__ = (
        "_connection", "_idle", "_loop", "_over", "_release", "_sound", "_tail", "_terminator", "content_type", "first",
        "headers", "status",
    )  # fmt: skip
    complete = False

    def __init__(
        self,
        connection: Connection,
        first: bytes,
        content_type: str,
        headers: tuple[tuple[str, str], ...],
        *,
        idle_timeout: float,
        terminator: bytes,
        release: Callable[[Connection], None],
    ) -> None:
        self.status = connection.status
        self.content_type = content_type
        self.headers = headers
        self.first = first
        self._connection = connection
        self._idle = idle_timeout
        self._terminator = terminator
        self._release = release
        self._tail = first[-TAIL:]
        self._sound = Soundness(fresh=first.endswith((b"\n", b"\r"))) if terminator else None
        self._over = False
        self._loop = asyncio.get_running_loop()

    @property
    def usage_tail(self) -> bytes:
        return self._tail

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        connection = self._connection
        while True:
            data, sound = connection.take(), self._sound
            if data and sound is not None:
                data = sound.feed(data)
            if not data and sound is not None and sound.failed is not None:
                self.aclose()
                raise sound.failed
            if data:
                self._tail = data[-TAIL:] if len(data) >= TAIL else (self._tail + data)[-TAIL:]
                return data
            if self._over:
                raise StopAsyncIteration
            if connection.complete:
                if sound is not None and (rest := sound.rest()):
                    return rest
                self._finish()
                raise StopAsyncIteration
            if connection.error is None:
                await connection.news(self._loop.time() + self._idle)
            # What came before a break is still the client's.
            if connection.error is not None and not connection.buffered:
                self.aclose()
                raise connection.error

    def aclose(self) -> None:
        if not self._over:
            self._over = True
            self._connection.abort()

    def _finish(self) -> None:
        self._over = True
        if self._terminator and not says(self._tail, self._terminator):
            self._connection.abort()
            raise BackendError(Cause.STREAM_BROKEN, "the backend ended its stream without finishing it")
        self._release(self._connection)
