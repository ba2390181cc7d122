"""Starts and wakes on the same card, one after the other: two engines that measure a card together size each other
wrongly or fail. First come, first served; host RAM is nobody's turn. Decides nothing about memory.

Who leaves a card needs no turn: engines are told how large their caches may be, so memory that comes back meanwhile
misleads none of them.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.scheduling.device import HOST


class Turns:
    """One per runtime, used from one event loop."""

    def __init__(self) -> None:
        self._cards: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def on(self, device_ids: Iterable[str]) -> AsyncGenerator[None]:
        """Holds every card among ``device_ids``; waits for those who came before. Cancelling gives up the place."""
        async with AsyncExitStack() as held:
            # Always in the same order: of two that want the same cards none can hold what the other waits for.
            for device_id in sorted({each for each in device_ids if each != HOST}):
                await held.enter_async_context(self._cards.setdefault(device_id, asyncio.Lock()))
            yield
