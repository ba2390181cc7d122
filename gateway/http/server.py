"""Runs the application under uvicorn: the socket, the first line, the drain on SIGTERM. Routes nothing."""

import contextlib
import socket
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import uvicorn
from litestar.types import Receive, Scope, Send

from backends.errors import BackendError, Cause
from gateway.http.listener import ListenerLimits, protocol
from gateway.settings import Settings

_BACKLOG = 2048
_IDLE_CONNECTION = 75


class Servable(Protocol):
    """The application as the server needs it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def begin_drain(self) -> None: ...


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, begin_drain: Callable[[], None], announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._begin_drain = begin_drain
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._begin_drain()
        super().handle_exit(sig, frame)


def bind(settings: Settings) -> socket.socket:
    """A listening socket. Raises ``BackendError(INVALID_REQUEST)`` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        detail = f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        raise BackendError(Cause.INVALID_REQUEST, detail) from error
    listener.set_inheritable(False)
    return listener


def run(app: Servable, settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> bool:
    """Serves until SIGTERM or SIGINT; ``announce`` gets the address once requests are taken. False if start failed."""
    server = make_server(app, settings, listener, announce)
    with contextlib.suppress(KeyboardInterrupt):
        server.run([listener])
    return server.started


def make_server(
    app: Servable, settings: Settings, listener: socket.socket, announce: Callable[[str], None]
) -> uvicorn.Server:
    """The server for ``listener``, not yet running."""
    limits = ListenerLimits(
        head_bytes=settings.max_head_bytes,
        head_fields=settings.max_head_fields,
        head_deadline=settings.head_deadline,
        write_stall=settings.write_stall,
        connections=settings.max_connections,
    )
    config = uvicorn.Config(
        app,
        http=protocol(limits),
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_CONNECTION,
        timeout_graceful_shutdown=int(settings.drain_window),
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return _Server(config, app.begin_drain, lambda: announce(f"http://{shown}:{port}"))
