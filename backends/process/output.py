"""The pipe of what a child prints, read as fast as it comes into a ring. Never waits for a reader of the ring."""

import asyncio
from typing import IO

from backends.process.logs import LogRing


class Output(asyncio.Protocol):
    """Feeds ``ring`` from a pipe until its end."""

    def __init__(self, ring: LogRing) -> None:
        self._ring = ring
        self._ended = asyncio.Event()
        self._transport: asyncio.BaseTransport | None = None

    async def read(self, pipe: IO[bytes]) -> None:
        """Begin to read ``pipe``; it belongs to the event loop from now on."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(lambda: self, pipe)

    async def drained(self, timeout: float) -> None:
        """Wait for the pipe's end, at most ``timeout`` seconds, then close it."""
        try:
            async with asyncio.timeout(timeout):
                await self._ended.wait()
        except TimeoutError:
            pass
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._ring.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()
