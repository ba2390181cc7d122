"""A worker's door: a Unix socket that only this user may open, and uvicorn's HTTP protocol for it."""

import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_KEEP_ALIVE_SECONDS = 3600


def protocol(app: Callable[..., Awaitable[Any]]) -> partial[HttpToolsProtocol]:
    """A factory of connections for ``loop.create_unix_server``. No access log, no headers of its own."""
    config = Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    config.load()
    return partial(HttpToolsProtocol, config=config, server_state=ServerState(), app_state={})


@contextmanager
def listening(path: str) -> Generator[socket.socket]:
    """A bound socket; its file goes away with it."""
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        Path(path).chmod(0o600)
        try:
            yield listener
        finally:
            Path(path).unlink(missing_ok=True)
