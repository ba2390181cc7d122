"""A backend of raw bytes: each connection follows a script, and what it received is kept. On a Unix socket."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

DEADLINE = 20.0


class Peer:
    """One accepted connection. ``gone`` is set once the client has left it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()

    async def request(self) -> bytes:
        """The next whole request; empty when the client has left."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
            return b""
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        self.requests.append(head + await self._reader.readexactly(length))
        return self.requests[-1]

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0)

    def reset(self) -> None:
        """An abrupt end (RST where the socket knows it)."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()


Script = Callable[[Peer], Awaitable[None]]


class Upstream:
    """``peers`` in the order in which they came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.peers: list[Peer] = []
        self.errors: list[BaseException] = []

    @property
    def requests(self) -> list[bytes]:
        return [request for peer in self.peers for request in peer.requests]


@asynccontextmanager
async def upstream(*scripts: Script) -> AsyncIterator[Upstream]:
    """Connection ``n`` follows script ``n``; those past the last follow the last."""
    with TemporaryDirectory(prefix="fbu") as folder:
        running = Upstream(Path(folder) / "s")
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer(reader, writer)
            running.peers.append(peer)
            task = asyncio.ensure_future(scripts[min(len(running.peers), len(scripts)) - 1](peer))
            tasks.add(task)
            await asyncio.wait((task,))
            if not task.cancelled() and task.exception() is not None:
                running.errors.append(task.exception())
            writer.close()

        server = await asyncio.start_unix_server(serve, running.path)
        try:
            yield running
        finally:
            server.close()
            for task in tasks:
                task.cancel()
        assert not running.errors, running.errors


def plain(
    body: bytes = b'{"ok":true}', status: str = "200 OK", *extra: bytes, kind: bytes = b"application/json"
) -> bytes:
    """A whole answer with a length."""
    fields = [b"content-type: " + kind, b"content-length: %d" % len(body), *extra]
    return b"HTTP/1.1 " + status.encode() + b"\r\n" + b"\r\n".join(fields) + b"\r\n\r\n" + body


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """Pieces in chunked coding."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if end else b"")


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
