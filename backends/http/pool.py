"""Keep-alive connections to one engine, on a Unix socket or loopback TCP. Newest first, bounded, closed with it."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.http.connection import Connection

MOST_IDLE = 128
IDLE_SECONDS = 30.0
"""An idle connection is closed after one to two times this."""
CONNECT_SECONDS = 1.0


class Address(Struct, frozen=True, kw_only=True):
    """Where a backend listens: a Unix socket's ``path``, or ``host`` and ``port``; ``prefix`` goes before each path."""

    path: str | None = None
    host: str = "localhost"
    port: int = 0
    prefix: str = ""

    @classmethod
    def of(cls, target: Path | str) -> "Address":
        """From a socket's path or an ``http://`` URL. A trailing ``/v1`` of a URL is not part of the prefix."""
        if isinstance(target, Path):
            return cls(path=str(target))
        try:
            parts = urlsplit(target)
            host, port = parts.hostname, parts.port or 80
        except ValueError as error:
            raise BackendError(Cause.UPSTREAM_CONNECT, "the backend's URL is no URL", private=str(error)) from None
        if parts.scheme != "http" or not host:
            raise BackendError(Cause.UPSTREAM_CONNECT, "only http:// URLs are served by this connection")
        return cls(host=host, port=port, prefix=parts.path.rstrip("/").removesuffix("/v1"))

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in (0, 80) else f"{host}:{self.port}"


class Pool:
    """``take`` gives an idle connection or ``None``; ``connect`` always a new one."""

    def __init__(self, address: Address, *, idle_seconds: float = IDLE_SECONDS, most_idle: int = MOST_IDLE) -> None:
        self.address = address
        self._most_idle = most_idle
        self._idle: list[Connection] = []
        self._idle_seconds = idle_seconds
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self) -> Connection | None:
        """The most recently used connection that is still open."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return None

    async def connect(self) -> Connection:
        """Raises ``BackendError(UPSTREAM_CONNECT)`` when nobody listens."""
        loop = asyncio.get_running_loop()
        address = self.address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if address.path is not None:
                    _, connection = await loop.create_unix_connection(lambda: Connection(loop), address.path)
                else:
                    _, connection = await loop.create_connection(lambda: Connection(loop), address.host, address.port)
        except (OSError, TimeoutError) as error:
            private = f"{type(error).__name__}: {error}"
            raise BackendError(Cause.UPSTREAM_CONNECT, "the backend cannot be reached", private=private) from None
        return connection

    def put(self, connection: Connection) -> None:
        """After a complete answer; kept if the backend keeps it."""
        if self._closed or not connection.reusable or len(self._idle) >= self._most_idle:
            connection.abort()
            return
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep_later({})

    def close(self) -> None:
        """Closes what is idle; what is in use closes when it is given back."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    def _sweep_later(self, before: dict[Connection, int]) -> None:
        self._sweep = asyncio.get_running_loop().call_later(self._idle_seconds, self._close_unused, before)

    def _close_unused(self, before: dict[Connection, int]) -> None:
        """Ends those that served nothing since the last sweep. ``before``: what they had served then."""
        for connection in self._idle:
            if before.get(connection) == connection.exchanges:
                connection.abort()
        self._idle = [connection for connection in self._idle if not connection.closed]
        if self._idle:
            self._sweep_later({connection: connection.exchanges for connection in self._idle})
        else:
            self._sweep = None
