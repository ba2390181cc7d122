"""One HTTP/1.1 connection to a local engine: sends a request, gives the answer's head and body pieces as they come.

Written for its cost: a general-purpose client takes about 120 us of CPU a request where this takes a tenth (measured).
One request at a time; never redirects, never decompresses, never retries. Not for the open internet.
"""

import asyncio
from typing import cast

import httptools

from backends.errors import BackendError, Cause

HIGH_WATER = 256 * 1024
MOST_HEAD_FIELDS = 100
MOST_HEAD_BYTES = 32 * 1024


class Connection(asyncio.Protocol):
    """Body pieces wait in here until ``take``; past ``HIGH_WATER`` bytes the socket is not read any more."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport = cast("asyncio.Transport", None)
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = self._rings = 0.0
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._head_bytes = 0
        self._barren_bytes = 0
        self._paused = False
        self.exchanges = 0
        self.closed = False
        self.reset()

    def reset(self) -> None:
        """Forgets the last answer."""
        self.headers: list[tuple[bytes, bytes]] = []
        self.status = 0
        self.has_head = False
        self.complete = False
        self.keep_alive = False
        self.answered = False
        self.error: BackendError | None = None
        self._pieces.clear()
        self._buffered = self._head_bytes = self._barren_bytes = 0

    # --- the caller's side ----------------------------------------------------------------------------------------

    def send(self, request: bytes) -> None:
        """Writes a whole request, head and body in one."""
        self.reset()
        self.exchanges += 1
        if self.closed or self._transport.is_closing():  # else nothing might ever wake the caller
            self.error = _unread("closed before the request")
            return
        self._transport.write(request)

    def take(self) -> bytes:
        """All body bytes that have come, and room for more."""
        pieces = self._pieces
        if not pieces:
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._buffered = self._barren_bytes = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    @property
    def buffered(self) -> int:
        """Body bytes that wait."""
        return self._buffered

    @property
    def reusable(self) -> bool:
        """Whether another request may follow: both sides have said everything, and the backend keeps the connection."""
        return self.keep_alive and self.complete and not self.closed and not self._transport.get_write_buffer_size()

    async def wait(self, deadline: float) -> None:
        """Returns when something new has come, or nothing more will. ``deadline`` is loop time.

        Raises ``BackendError``: ``UPSTREAM_TIMEOUT`` past the deadline, or why the connection ended.
        """
        await self.news(deadline)
        if self.error is not None:
            raise self.error

    def news(self, deadline: float) -> asyncio.Future[None]:
        """The same without a coroutine: done when there is news, which may be an ``error``. One may wait at a time."""
        if self.error is not None:
            raise self.error
        self._deadline = deadline
        if self._timer is None:
            self._rings = deadline
            self._timer = self._loop.call_at(deadline, self._check_deadline)
        elif self._rings > deadline:
            self._timer.cancel()
            self._rings = deadline
            self._timer = self._loop.call_at(deadline, self._check_deadline)
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def abort(self) -> None:
        """Ends the connection now: the engine sees the client go and stops its work."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.closed = True
        if not self._transport.is_closing():
            self._transport.abort()

    # --- asyncio's side -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.answered = True
        before = self._buffered
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._break(str(error))
            return
        if self._buffered == before:
            # Head, chunk sizes, trailers: the parser keeps what is unfinished of them, however long.
            self._barren_bytes += len(data)
            if self._barren_bytes > MOST_HEAD_BYTES and not self.complete:
                self._break("too much besides the body")
                return
        elif self._buffered > HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def eof_received(self) -> bool | None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        by_peer, self.closed = not self.closed, True
        if not self.complete and self.error is None:
            if by_peer and exc is None and self.has_head and self._ends_with_connection():
                self.complete = True
            else:
                self._end_of_input(exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def _end_of_input(self, exc: Exception | None) -> None:
        private = "" if exc is None else type(exc).__name__
        if self.answered:
            self.error = BackendError(
                Cause.STREAM_BROKEN, "the backend ended in the middle of its answer", private=private
            )
        elif exc is None:
            # It had read all that was sent, and may have died of it.
            self.error = BackendError(Cause.STREAM_BROKEN, "the backend closed without an answer", private=private)
        else:
            # A socket that is closed with unread bytes in it resets: the request was not read, or not whole.
            self.error = _unread(private)

    def _ends_with_connection(self) -> bool:
        return not any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)

    # --- the parser's side ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if len(self.headers) >= MOST_HEAD_FIELDS or self._head_bytes > MOST_HEAD_BYTES:
            raise ValueError("head too large")
        if not self.has_head:  # trailers are dropped
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:  # an interim answer: the real one follows
            self.headers.clear()
            return
        self.keep_alive = self._parser.should_keep_alive()
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        self.complete = self.has_head

    # --- inside ---------------------------------------------------------------------------------------------------

    def _check_deadline(self) -> None:
        # One timer serves a connection's whole life (measured: 2 us a request): it looks again when somebody waits
        # whose deadline has moved, and is armed anew by the next who waits.
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._rings = self._deadline
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
            return
        self.error = BackendError(Cause.UPSTREAM_TIMEOUT, "the backend was silent for too long")
        self._wake()
        self.abort()

    def _break(self, why: str) -> None:
        # What follows a complete answer does not spoil it, but nothing may be sent here any more.
        self.closed = True
        if not self.complete:
            self.error = BackendError(Cause.UPSTREAM_PROTOCOL, "the backend broke the HTTP protocol", private=why)
        self._wake()
        self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _unread(private: str) -> BackendError:
    return BackendError(Cause.UPSTREAM_CONNECT, "the backend closed before it had read the request", private=private)
