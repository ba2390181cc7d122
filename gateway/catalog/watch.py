"""Holds the catalog that is served now and swaps it when the folder changes. A broken file never takes models away.

Polls, because inotify is silent on network mounts and ConfigMaps. The swap is one assignment in the event loop's
thread, so that a request sees one catalog from its first look to its last.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from gateway.catalog.catalog import Catalog, empty_catalog
from gateway.catalog.load import LoadResult, load, profile_paths
from gateway.catalog.problem import Problem
from gateway.catalog.providers import provider_paths

POLL_SECONDS = 2.0
Fingerprint = tuple[tuple[str, int, int, int], ...]


class Change(Struct, frozen=True, kw_only=True):
    """What a swap did, as profile ids in order."""

    generation: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


Subscriber = Callable[[Change], None]
Report = Callable[[tuple[Problem, ...]], None]


class CatalogStore:
    """The current catalog of ``root``; empty until the first successful load.

    ``generation`` counts swaps, ``loaded_at`` is the clock (seconds since the epoch) of the last load without problems.
    ``on_report`` hears the problems of every load, an empty tuple when there are none. Callbacks must not raise.
    """

    def __init__(
        self, root: Path, *, clock: Callable[[], float] = time.time, on_report: Report = lambda problems: None
    ) -> None:
        self.root = root
        self.catalog: Catalog = empty_catalog()
        self.generation = 0
        self.loaded_at: float | None = None
        self.last_problems: tuple[Problem, ...] = ()
        self._clock = clock
        self._on_report = on_report
        self._subscribers: list[Subscriber] = []
        self._seen: Fingerprint = ()
        self._loading = asyncio.Lock()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` after every swap. Returns the function that ends the subscription."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def reload(self) -> tuple[Problem, ...]:
        """Load now, in this thread: for start-up and commands. The old catalog stays when there are problems."""
        self._seen, result = _look_and_load(self.root)
        return self._adopt(result)

    async def refresh(self) -> tuple[Problem, ...]:
        """Load now, reading in a thread. One load at a time, so that the last to start is the last to count."""
        async with self._loading:
            self._seen, result = await asyncio.to_thread(_look_and_load, self.root)
            return self._adopt(result)

    async def watch(
        self, *, every: float = POLL_SECONDS, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Look every ``every`` seconds and refresh when a file came, went or changed. Runs until cancelled."""
        while True:
            await sleep(every)
            if await asyncio.to_thread(fingerprint, self.root) != self._seen:
                await self.refresh()

    def _adopt(self, result: LoadResult) -> tuple[Problem, ...]:
        self.last_problems = result.problems
        new = result.catalog
        if new is not None:
            self.loaded_at = self._clock()
            if new.version != self.catalog.version:
                self._swap(new)
        self._on_report(result.problems)
        return result.problems

    def _swap(self, new: Catalog) -> None:
        old, self.catalog = self.catalog, new
        self.generation += 1
        both = old.profiles.keys() & new.profiles.keys()
        change = Change(
            generation=self.generation,
            added=tuple(sorted(new.profiles.keys() - both)),
            changed=tuple(sorted(i for i in both if old.profiles[i] != new.profiles[i])),
            removed=tuple(sorted(old.profiles.keys() - both)),
        )
        for subscriber in tuple(self._subscribers):
            subscriber(change)


def fingerprint(root: Path) -> Fingerprint:
    """What tells two states of the folder apart without reading files: path, time, size and inode of each."""
    found: list[tuple[str, int, int, int]] = []
    for path in (*profile_paths(root), *provider_paths(root)):
        try:
            stat = path.stat()
        except FileNotFoundError:  # gone since it was listed: the next look will say so
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


def _look_and_load(root: Path) -> tuple[Fingerprint, LoadResult]:
    # Looked at before reading: a write in between makes the next look differ, so that it is never missed.
    seen = fingerprint(root)
    return seen, load(root)
