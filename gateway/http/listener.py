"""uvicorn's HTTP/1.1 protocol, hardened: caps and a deadline on the head, exactly one ``Host``, a stalled reader
dropped, and a hang-up signal that costs no task. Serves no route; knows nothing of the application.

Why it exists (measured on uvicorn 0.54): a 1 MB header, 20,000 headers, no ``Host`` and two were all answered 200; a
head dripped byte by byte held a connection for ever. ``tests/security/test_framing.py`` keeps each as a test.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.http.cycle import Cycle
from gateway.http.hangup import HANGUP, Hangup
from gateway.http.limits import ListenerLimits
from gateway.http.rejection import rejection
from gateway.http.scope import http_scope
from gateway.http.upgrade import resumed

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_log = logging.getLogger("forebay.listener")
_COUNTED = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
_LAST_READ = 2.0
"""Seconds in which what a rejected client still sends is read and dropped."""


class _RefusedError(Exception):
    """Raised inside the parser's callbacks; httptools hands it on as its own error."""


class HardenedProtocol(HttpToolsProtocol):
    """Use through ``protocol(limits)``, which binds the limits."""

    limits = ListenerLimits()
    cycle: Cycle

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_bytes = 0
        self._field_bytes = self._hosts = self._framing = 0
        self._refused = (400, "")
        self._reading_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._lingered = 0
        self._rejected = False
        self._sent: asyncio.Future[None] = self.loop.create_future()
        self._sent.set_result(None)
        self._hangup = Hangup()
        self._earlier: list[Hangup] = []

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.close()
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._linger_over()
        self.pause_over()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self.connections.discard(self)
        self.flow.resume_writing()
        self.parser = cast("httptools.HttpRequestParser", None)  # it refers back to this protocol
        cycle = cast("Cycle | None", self.cycle)
        if cycle is None:
            return
        unanswered = not cycle.response_complete
        cycle.lost()
        if unanswered:
            for hangup in (*self._earlier, self._hangup):
                hangup.signal()

    def data_received(self, data: bytes) -> None:
        if self._reading_head:
            if self._head_bytes > self.limits.head_bytes:
                self._reject(431, "headers")
                return
            self._head_bytes += len(data)
        elif self._linger_timer is not None:
            self._lingered += len(data)
            if self._lingered > self.limits.linger_bytes:
                self.transport.close()
            if self._rejected or self.transport.is_closing():
                return
        self._idle_since = None
        self._parse(data)
        if self._reading_head and self._head_timer is None and not self.transport.is_closing():
            self._arm()

    def _parse(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stopped:
                self.parser, head = resumed(self, self.headers)
                data = head + data[stopped.args[0] :]
                continue
            except httptools.HttpParserError:
                self._reject(*self._refused)
            return

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._hosts = self._framing = self._field_bytes = 0
        if not self._reading_head:
            # A pipelined request's head: its bytes arrived with another's and are bounded by the field checks.
            self._head_bytes = 0
            self._reading_head = True

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > self.limits.head_bytes // 4:
            self._refuse(414, "url")

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self.headers.append((name, value))
        self._field_bytes = size = self._field_bytes + len(name) + len(value)
        if name in _COUNTED:
            if name == b"host":
                self._hosts += 1
            elif name != b"expect":
                self._framing += 1
            elif value.lower() == b"100-continue":
                self.expect_100_continue = True
        if size > self.limits.head_bytes or len(self.headers) > self.limits.head_fields:
            self._refuse(431, "headers")

    def on_headers_complete(self) -> None:
        if self._hosts != 1:
            self._refuse(400, "host")
        if self._framing > 1:
            self._refuse(400, "framing")
        self._reading_head = False
        self._disarm()
        parser = self.parser
        version = parser.get_http_version()
        self.scope = scope = http_scope(
            parser.get_method(), self.url, version, self.headers, self.server, self.client, self.app_state.copy()
        )
        before = cast("Cycle | None", self.cycle)
        self.cycle = cycle = Cycle(  # pyright: ignore[reportIncompatibleVariableOverride] - one of ours
            scope,
            self.transport,
            self.flow,
            self.on_response_complete,
            self._sent,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            expect_100_continue=self.expect_100_continue,
        )
        app = cast("ASGI3Application", self.app)  # pyright: ignore[reportUnknownMemberType]
        if before is None or before.response_complete:
            self._hangup = scope[HANGUP] = Hangup()  # type: ignore[typeddict-unknown-key]
            self._start_asgi_task(cycle, app)
            return
        self._earlier.append(self._hangup)  # pipelined: this one is still being answered
        self._hangup = scope[HANGUP] = Hangup()  # type: ignore[typeddict-unknown-key]
        self.flow.pause_reading()
        self.pipeline.appendleft((cycle, app))

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if not cycle.response_complete and cycle.feed(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # not the end of the message: see upgrade.py
        self._hangup.received = True
        if self._linger_timer is not None:
            self._linger_over()
            self._head_bytes = 0
            self._reading_head = True
        self.cycle.end()

    def on_response_complete(self) -> None:
        if self._hangup.received:
            self._head_bytes = 0
            self._reading_head = True
            if self._earlier and not self.pipeline:
                self._earlier.clear()
        elif self.cycle.response_complete:
            # Answered before its body was here (a wrong key, too large): closing now would reset the connection under
            # the client's feet, and it would never see the answer.
            self._lingered = 0
            self._linger_timer = self.loop.call_later(self.limits.head_deadline, self._linger_late)
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._idle_late)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.limits.write_stall, self._stalled)

    def resume_writing(self) -> None:
        self.pause_over()
        super().resume_writing()

    def pause_over(self) -> None:
        """The reader reads again, or is gone."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _refuse(self, status: int, param: str) -> None:
        self._refused = (status, param)
        raise _RefusedError

    def _reject(self, status: int, param: str) -> None:
        """Answers and ends: after a framing error nothing on this connection can be trusted, so no more is parsed."""
        self._disarm()
        if self._rejected or self.transport.is_closing():
            return
        self._rejected = True
        answer = rejection(status, param)
        cycle = cast("Cycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            self.transport.write(answer)
            self.transport.close()
            return
        # Closing with bytes unread would reset the connection, and the answer would be lost with it.
        self._linger_over()
        self._linger_timer = self.loop.call_later(_LAST_READ, self._linger_late)
        self._reading_head = False
        self._lingered = 0
        self.transport.write(answer)
        self.transport.write_eof()

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_deadline, self._late)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _late(self) -> None:
        self._head_timer = None
        self._reject(408, "headers")

    def _idle_late(self) -> None:
        # One timer serves a connection's whole life: it looks again when something has been said meanwhile.
        self._idle_timer = None
        if self._idle_since is None:
            return  # the next answer arms it
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._idle_late)
        else:
            self.transport.close()

    def _linger_over(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None

    def _linger_late(self) -> None:
        self._linger_timer = None
        self.transport.close()

    def _stalled(self) -> None:
        self._stall_timer = None
        _log.warning("a client read nothing for %.0f s and was dropped", self.limits.write_stall)
        self.transport.abort()


def protocol(limits: ListenerLimits) -> type[HardenedProtocol]:
    """The protocol class with ``limits`` bound, as uvicorn wants it."""
    return type("HardenedProtocol", (HardenedProtocol,), {"limits": limits})
