"""A TCP proxy on loopback in front of a fake cloud: it passes bytes until it is told to do harm.

TLS ends here, so that bytes of an answer can be counted and every byte that a client sent can be looked through; a
reset is one of the TCP connection beneath. ``fault`` may be changed at any time: what concerns connecting holds for the
next connection, the rest for the answer that is under way.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, Self

_PIECE = 64 * 1024
_HEAD = b" HTTP/1.1\r\n"
_AT_ONCE = struct.pack("ii", 1, 0)
_ConnectKind = Literal["hole", "garbage", "foreign"]
_AnswerKind = Literal["reset", "end", "silence", "pause"]


@dataclass(frozen=True)
class Fault:
    """``hole`` accepts and never reads, ``garbage`` is what the handshake gets, ``foreign`` the certificate of another
    host. The others come ``after`` so many bytes of the answer: ``reset``, ``end`` (a clean one), ``silence``, and
    ``pause``, after which all goes on. With ``go`` they wait for it, when those bytes have passed.
    """

    kind: _ConnectKind | _AnswerKind
    after: int = 0
    go: asyncio.Event | None = None


@dataclass(eq=False)
class _Link:
    """A client's connection, and the cloud's behind it. ``passed``: bytes of the present answer."""

    here: asyncio.StreamReader
    back: asyncio.StreamWriter
    cloud: asyncio.StreamReader
    there: asyncio.StreamWriter
    passed: int = 0

    def abort(self) -> None:
        """A reset for both."""
        for writer in (self.back, self.there):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.transport.abort()


@dataclass(eq=False)
class FaultProxy:
    """``received`` is every byte that clients sent; ``left``: set when one hung up."""

    cloud_port: int
    tls: ssl.SSLContext | None = None
    foreign: ssl.SSLContext | None = None
    fault: Fault | None = None
    port: int = 0
    connections: int = 0
    received: bytearray = field(default_factory=bytearray)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _listener: socket.socket = field(default_factory=socket.socket)
    _accepting: asyncio.Task[None] | None = None
    _serving: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _links: set[_Link] = field(default_factory=set[_Link])

    @classmethod
    @asynccontextmanager
    async def running(
        cls, cloud_port: int, tls: ssl.SSLContext | None = None, foreign: ssl.SSLContext | None = None
    ) -> AsyncGenerator[Self]:
        """Listens on a free port of loopback."""
        proxy = cls(cloud_port, tls, foreign)
        proxy._bind()
        proxy.listen()
        try:
            yield proxy
        finally:
            tasks = [task for task in (proxy._accepting, *proxy._serving) if task is not None]
            proxy._stop()
            await asyncio.gather(*tasks, return_exceptions=True)
            proxy._listener.close()

    @property
    def requests(self) -> int:
        """Heads of requests that came."""
        return self.received.count(_HEAD)

    def refuse(self) -> None:
        """Nobody listens any more, and who is connected is not: the port stays taken and refuses."""
        self._stop()
        self._listener.close()
        self._bind()

    def listen(self) -> None:
        """Takes connections (again)."""
        self._listener.listen(128)
        self._accepting = asyncio.create_task(self._accept())

    def _bind(self) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]

    def _stop(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
        for link in self._links:
            link.abort()
        for task in self._serving:
            task.cancel()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            accepted, _ = await loop.sock_accept(self._listener)
            self.connections += 1
            task = asyncio.create_task(self._serve(accepted))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        kind = self.fault.kind if self.fault is not None else None
        try:
            if kind == "hole":
                await asyncio.Event().wait()
            elif kind == "garbage":
                await asyncio.get_running_loop().sock_sendall(accepted, b"SSH-2.0-nobody_speaks_tls_here\r\n")
            else:
                await self._linked(accepted, self.foreign if kind == "foreign" else self.tls)
        except OSError:
            pass  # either side has gone, or did not believe the certificate
        finally:
            accepted.close()

    async def _linked(self, accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        here = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(here)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls)
        back = asyncio.StreamWriter(transport, protocol, here, loop)
        link = _Link(here, back, *await asyncio.open_connection("127.0.0.1", self.cloud_port))
        self._links.add(link)
        pumps = [asyncio.create_task(self._up(link)), asyncio.create_task(self._down(link))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._links.discard(link)
            link.back.close()
            link.there.close()

    async def _up(self, link: _Link) -> None:
        try:
            while data := await link.here.read(_PIECE):
                self.received += data
                link.passed = 0
                link.there.write(data)
                await link.there.drain()
        except ConnectionError:
            pass  # a client may leave by a reset, too
        self.left.set()

    async def _down(self, link: _Link) -> None:
        while data := await link.cloud.read(_PIECE):
            fault = self.fault
            if fault is not None and link.passed <= fault.after <= link.passed + len(data):
                data = await self._harm(link, fault, data)
            link.passed += len(data)
            link.back.write(data)
            await link.back.drain()
        link.back.close()
        await link.back.wait_closed()

    async def _harm(self, link: _Link, fault: Fault, data: bytes) -> bytes:
        """What may pass when the fault has been: only a pause leaves anything."""
        before = fault.after - link.passed
        link.back.write(data[:before])
        link.passed += before
        await link.back.drain()
        if fault.go is not None:
            await fault.go.wait()
        match fault.kind:
            case "reset":
                link.abort()
                raise ConnectionResetError
            case "end":
                link.back.close()
                await link.back.wait_closed()
                raise ConnectionAbortedError
            case "silence":
                await asyncio.Event().wait()
            case _:
                pass
        return data[before:]
