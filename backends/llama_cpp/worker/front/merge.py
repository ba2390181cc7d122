"""Several piece streams as one, in the order in which pieces come."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from backends.llama_cpp.worker.runtime import Piece, PieceStream


async def merge(streams: Sequence[PieceStream]) -> AsyncIterator[tuple[int, Piece]]:
    """Yield (index of the stream, piece) until all have ended. Leaving early or failing cancels all of them."""
    try:
        if len(streams) == 1:
            async for piece in streams[0]:
                yield 0, piece
            return
        async for item in _interleave(streams):
            yield item
    finally:
        for stream in streams:
            stream.cancel()


async def _interleave(streams: Sequence[PieceStream]) -> AsyncIterator[tuple[int, Piece]]:
    arrived: asyncio.Queue[tuple[int, Piece] | None] = asyncio.Queue()

    async def forward(index: int, stream: PieceStream) -> None:
        try:
            async for piece in stream:
                arrived.put_nowait((index, piece))
        finally:
            arrived.put_nowait(None)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(forward(index, stream)) for index, stream in enumerate(streams)]
        try:
            left = len(streams)
            while left:
                item = await arrived.get()
                if item is None:
                    left -= 1
                else:
                    yield item
        finally:
            for task in tasks:
                task.cancel()
