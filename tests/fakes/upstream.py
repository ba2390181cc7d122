"""A backend of raw bytes: each connection follows a script, and what it received is kept. Unix socket or loopback."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

DEADLINE = 20.0


class Peer:
    """One accepted connection. ``gone`` is set once the client was seen to have left it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()

    async def head(self) -> bytes:
        """The next request's head only: its body stays unread. Empty when the client has left."""
        try:
            return await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
            return b""

    async def request(self) -> bytes:
        """The next whole request; empty when the client has left."""
        head = await self.head()
        if not head:
            return b""
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        self.requests.append(head + await self._reader.readexactly(length))
        return self.requests[-1]

    async def left(self) -> None:
        """Returns when the client has left; what it still sends is read and dropped."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.gone.set()

    async def send(self, *pieces: bytes) -> None:
        """Each piece is a write of its own, with a turn of the loop between."""
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
    """``peers`` in the order in which they came; ``target`` is what a backend is made of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.target: Path | str = path
        self.peers: list[Peer] = []
        self.errors: list[BaseException] = []

    @property
    def requests(self) -> list[bytes]:
        return [request for peer in self.peers for request in peer.requests]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0)


@asynccontextmanager
async def upstream(*scripts: Script, tcp: bool = False) -> AsyncIterator[Upstream]:
    """Connection ``n`` follows script ``n``; those past the last follow the last. Closes when its script is over."""
    with TemporaryDirectory(prefix="fbu") as folder:
        running = Upstream(Path(folder) / "s")
        tasks: set[asyncio.Task[None]] = set()

        async def serve(peer: Peer, script: Script) -> None:
            try:
                await script(peer)
            except ConnectionError:
                peer.gone.set()
            except Exception as error:
                running.errors.append(error)
            finally:
                peer.close()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            running.peers.append(Peer(reader, writer))
            script = scripts[min(len(running.peers), len(scripts)) - 1]
            tasks.add(asyncio.ensure_future(serve(running.peers[-1], script)))

        if tcp:
            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            running.target = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        else:
            server = await asyncio.start_unix_server(accept, running.path)
        try:
            yield running
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
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
