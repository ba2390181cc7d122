"""Runs the application under uvicorn: the socket, the first line, the drain on SIGTERM. Routes nothing.

The first SIGTERM or SIGINT begins the drain: what was accepted before it is served to its end, what comes after it is
refused in words, since the socket stays open meanwhile. A second one, or the end of the window, cuts what still runs.
"""

import asyncio
import gc
import socket
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Protocol, cast

import uvicorn
from litestar.types import Receive, Scope, Send
from uvicorn.lifespan.on import LifespanOn, LifespanSendMessage

from backends.errors import BackendError, Cause
from gateway.http.limits import ListenerLimits
from gateway.http.listener import protocol
from gateway.settings import Settings

_BACKLOG = 2048
_IDLE_CONNECTION = 75
_COLLECT_AFTER = (50_000, 20, 100)
_LAST_BYTES = 2
"""Seconds for connections to take their last bytes and for cut requests to clean up, after the window."""


class Servable(Protocol):
    """The application as the server needs it."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]: ...

    def begin_drain(self) -> None:
        """Not ready from now on."""
        ...

    def hurry(self) -> None:
        """Somebody asked twice: end engines without grace."""
        ...


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: Servable, window: float, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._window = window
        self._announce = announce
        self._cut = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lifespan: _Lifespan | None = None

    @property
    def failure(self) -> BackendError | None:
        """Why the start failed, where that is known."""
        return None if self._lifespan is None else self._lifespan.failure

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self.lifespan = self._lifespan = _Lifespan(self.config)
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Signals arrive between any two instructions: the scheduler is only touched from a turn of the loop. Nothing
        # is handed to uvicorn, which would end the process with the signal after a clean drain.
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._asked_to_exit)

    def _asked_to_exit(self) -> None:
        if not self.should_exit:
            self._app.begin_drain()
            self.should_exit = True
        elif not self._cut.is_set():
            self._app.hurry()
            self._cut.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.begin_drain()
        await self._finish(set(self.server_state.tasks))
        await super().shutdown(sockets)

    async def _finish(self, accepted: set[asyncio.Task[None]]) -> None:
        """Waits for what was accepted before the drain, then cuts the rest."""
        if accepted:
            ended = asyncio.ensure_future(asyncio.wait(accepted, timeout=self._window))
            cut = asyncio.ensure_future(self._cut.wait())
            await asyncio.wait({ended, cut}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            cut.cancel()
        left = [task for task in accepted if not task.done()]
        for task in left:
            task.cancel("the drain window is over")
        if left:
            await asyncio.wait(left, timeout=_LAST_BYTES)


class _Lifespan(LifespanOn):
    """Keeps the reason of a start that failed for a known cause, where uvicorn would print a traceback."""

    failure: BackendError | None = None

    async def send(self, message: LifespanSendMessage) -> None:
        if message["type"] == "lifespan.startup.failed":
            # Litestar reports from inside its except block, as text only: the error itself is the one being handled.
            self.failure = _known(sys.exception())
            if self.failure is not None:
                message = {"type": "lifespan.startup.failed", "message": ""}
        await super().send(message)


def _known(error: BaseException | None) -> BackendError | None:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseException", error.exceptions[0])
    return error if isinstance(error, BackendError) else None


def bind(settings: Settings) -> socket.socket:
    """A listening socket. Raises ``BackendError(INVALID_REQUEST)`` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)  # two sockets may bind one port with SO_REUSEADDR, but only one may listen
    except OSError as error:
        listener.close()
        detail = f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        raise BackendError(Cause.INVALID_REQUEST, detail) from error
    listener.set_inheritable(False)
    return listener


def run(app: Servable, settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> bool:
    """Serves until SIGTERM or SIGINT; ``announce`` gets the address once requests are taken. False if start failed.

    Raises ``BackendError`` when it failed for a known reason.
    """

    def started(address: str) -> None:
        _settle_memory()
        announce(address)

    server = make_server(app, settings, listener, started)
    try:
        server.run([listener])
    except SystemExit:  # uvicorn's way to say that the application did not start
        if server.failure is not None:
            raise server.failure from None
    return server.started


def _settle_memory() -> None:
    """What the start made stays: no collection looks at it again. Requests make next to no cycles, so that collections
    are rare too (measured: a tenth of a request's CPU).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def make_server(app: Servable, settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> _Server:
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
        interface="asgi3",
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
        timeout_graceful_shutdown=_LAST_BYTES,
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return _Server(config, app, settings.drain_window, lambda: announce(f"http://{shown}:{port}"))
