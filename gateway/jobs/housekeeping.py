"""The rounds that are made of time: rescue of lost jobs, expiry, files that belong to nobody, figures for gauges.

Every gateway makes them; the statements behind them bear that. Never touches a running job of this gateway.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from backends.errors import BackendError
from gateway.artifacts.store import ArtifactStore
from gateway.jobs.runner import JobRunner
from gateway.jobs.store import JobStore, Tally
from gateway.jobs.sweep import Sweep

_log = logging.getLogger("forebay.jobs")
_EVERY = 5.0
_ORPHANS_EVERY = 12
_FORGOTTEN_AFTER = 7 * 24 * 3600.0
NOTHING = Tally(queued=0, in_progress=0, oldest_wait=0.0, bytes=0)


class Housekeeping:
    """One for each kind of job. ``tally`` is as of the last round."""

    def __init__(
        self,
        kind: str,
        sweep: Sweep,
        store: JobStore,
        artifacts: ArtifactStore,
        runner: JobRunner,
        worker: str,
        *,
        alone: bool,
    ) -> None:
        """``alone``: no other gateway shares the store."""
        self.tally = NOTHING
        self._kind = kind
        self._sweep = sweep
        self._store = store
        self._artifacts = artifacts
        self._runner = runner
        self._worker = worker
        self._alone = alone
        self._strangers: frozenset[str] = frozenset()

    async def begin(self) -> None:
        """At start, before anything is claimed: what earlier runs of this gateway left, without waiting for leases.

        Raises ``BackendError(STORAGE)``.
        """
        await asyncio.to_thread(self._artifacts.prepare)
        rescued = await asyncio.to_thread(self._sweep.rescue_predecessors, self._worker)
        for job in rescued:
            _log.warning("job %s was cut by the end of an earlier run and is %s now", job.id, job.status)
            self._runner.abandon(job)
        await self._expire()
        if self._alone:  # nobody is creating a job just now
            self._strangers = await self._unknown()
            await self._orphans()
        await self._count()

    async def run(self) -> None:
        """Until cancelled. A round that fails is tried again: the next one does the same."""
        rounds = 0
        while True:
            await asyncio.sleep(_EVERY)
            rounds += 1
            await _logged(self._rescue)
            await _logged(self._expire)
            await _logged(self._count)
            if rounds % _ORPHANS_EVERY == 1:
                await _logged(self._orphans)

    async def _rescue(self) -> None:
        rescued = await asyncio.to_thread(self._sweep.rescue)
        for job in rescued:
            _log.warning("job %s: its worker is gone; it is %s now", job.id, job.status)
            self._runner.abandon(job)
        if rescued:
            self._runner.wake()

    async def _expire(self) -> None:
        expired = await asyncio.to_thread(self._sweep.expire)
        for job in expired:
            await asyncio.to_thread(self._artifacts.forget, job.id)
        if expired:
            await asyncio.to_thread(self._sweep.forget_files, [job.id for job in expired])
        await asyncio.to_thread(self._sweep.purge, _FORGOTTEN_AFTER)

    async def _orphans(self) -> None:
        """Files of unknown jobs. Twice in a row, since files are there a moment before their job is."""
        strangers = await self._unknown()
        for job in strangers & self._strangers:
            _log.warning("files of %s belong to nobody and are removed", job)
            await asyncio.to_thread(self._artifacts.forget, job)
        self._strangers = strangers - self._strangers

    async def _unknown(self) -> frozenset[str]:
        found = await self._artifacts.jobs()
        known = await asyncio.to_thread(self._sweep.with_files, found) if found else frozenset[str]()
        return frozenset(job for job in found - known if job.startswith(f"{self._kind}_"))

    async def _count(self) -> None:
        self.tally = await asyncio.to_thread(self._store.tally, self._kind)


async def _logged(one: Callable[[], Awaitable[None]]) -> None:
    try:
        await one()
    except BackendError as error:
        _log.error("%s", error.detail, extra={"tail": error.private})
