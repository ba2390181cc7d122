"""Keep-alive connections to one engine, on a Unix socket or loopback TCP. Newest first, bounded, closed with it."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.http.connection import Connection

MOST_IDLE = 128
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
        parts = urlsplit(target)
        if parts.scheme != "http" or not parts.hostname:
            raise BackendError(Cause.UPSTREAM_CONNECT, "only http:// URLs are served by this connection")
        return cls(host=parts.hostname, port=parts.port or 80, prefix=parts.path.rstrip("/").removesuffix("/v1"))


class Pool:
    """``take`` gives an idle connection or ``None``; ``connect`` always a new one."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: list[Connection] = []
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
        connection.rest()
        if self._closed or not connection.keep_alive or connection.closed or len(self._idle) >= MOST_IDLE:
            connection.abort()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Closes what is idle; what is in use closes when it is given back."""
        self._closed = True
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
