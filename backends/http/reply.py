"""An answer past its commit point, plain or streamed. Bytes pass through unchanged."""

import asyncio
from collections.abc import Callable
from typing import Self

from backends.errors import BackendError, Cause
from backends.http.connection import Connection
from backends.http.failed_event import failed_at, failure, unfinished
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
        "_connection", "_failed", "_fresh", "_held", "_idle", "_loop", "_over", "_release", "_tail", "_terminator",
        "content_type", "first", "headers", "status",
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
        self._fresh = first.endswith((b"\n", b"\r"))
        self._held = b""
        self._failed: BackendError | None = None
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
            data = self._sound(connection.take())
            if self._failed is not None and not data:
                self.aclose()
                raise self._failed
            if data:
                self._tail = data[-TAIL:] if len(data) >= TAIL else (self._tail + data)[-TAIL:]
                return data
            if self._over:
                raise StopAsyncIteration
            if connection.complete:
                if self._held:
                    held, self._held = self._held, b""
                    return held
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

    def _sound(self, data: bytes) -> bytes:
        """``data`` up to an event that tells of a failure; what may become one waits."""
        if self._failed is not None:
            return b""
        if not data or not self._terminator:
            return data
        if self._held:
            data, self._held = self._held + data, b""
        at = failed_at(data, fresh=self._fresh)
        if at >= 0:
            self._failed = failure(data[at:], begun=True)
            return data[:at]
        if not data.endswith((b"\n", b"\r")) and (size := unfinished(data)):
            data, self._held = data[:-size], data[-size:]
        if data:
            self._fresh = data.endswith((b"\n", b"\r"))
        return data

    def _finish(self) -> None:
        self._over = True
        if self._terminator and not says(self._tail, self._terminator):
            self._connection.abort()
            raise BackendError(Cause.STREAM_BROKEN, "the backend ended its stream without finishing it")
        self._release(self._connection)
