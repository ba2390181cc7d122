"""The account for an event loop: a reservation is waited for, what follows it is written behind. Decides nothing."""

import asyncio
import logging
from collections.abc import Callable

from backends.errors import BackendError
from gateway.spending.budget import Budget
from gateway.spending.entry import Call
from gateway.spending.store import SpendingStore

_log = logging.getLogger("forebay.spending")


class SpendingAccount:
    """``gateway``: the budget over all keys. One per process; ``aclose`` waits for what is still to be written."""

    def __init__(self, store: SpendingStore, gateway: Budget) -> None:
        self._store = store
        self._gateway = gateway
        self._writing: set[asyncio.Task[None]] = set()

    async def reserve(self, call: Call, estimate: int, budget: Budget, seconds: float) -> str:
        """Durable on return. Raises ``BackendError``: ``BUDGET_EXCEEDED``, ``STORAGE``."""
        entry = await asyncio.to_thread(self._store.reserve, call, estimate, budget, self._gateway, seconds=seconds)
        return entry.id

    def settle(self, entry_id: str, spent: int) -> None:
        """It cost so much."""
        self._behind(lambda: self._store.settle(entry_id, spent), entry_id)

    def release(self, entry_id: str) -> None:
        """It cost nothing, for certain."""
        self._behind(lambda: self._store.release(entry_id), entry_id)

    def doubt(self, entry_id: str) -> None:
        """Nobody knows: it counts as reserved until somebody does."""
        self._behind(lambda: self._store.doubt(entry_id), entry_id)

    async def aclose(self) -> None:
        """Returns when everything is written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _behind(self, write: Callable[[], object], entry_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._write(write, entry_id))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, write: Callable[[], object], entry_id: str) -> None:
        try:
            await asyncio.to_thread(write)
        except BackendError as error:
            # It stays reserved, and becomes unknown when its time is up: it counts for more, not for less.
            _log.error("what %s has cost could not be written: %s", entry_id, error.private or error.detail)
