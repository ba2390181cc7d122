"""One job at one vendor, from its request to its last artifact. What is told of it goes to ``tell``.

Work of the vendor that nobody wants any more is cancelled there, where that can be, by somebody who stays behind.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from msgspec import Struct

from backends.cloud.media.creating import create, unknown
from backends.cloud.media.delivering import Again, fetched, results_of
from backends.cloud.media.following import Ended, Following
from backends.cloud.media.inputs import check_inputs
from backends.cloud.media.plan import Way
from backends.cloud.media.value import Inputs, Value, values_of
from backends.cloud.media.vendor import MOST_AT_ONCE, Vendor
from backends.cloud.media.verdict import nanousd_of
from backends.errors import BackendError, Cause
from backends.wire.media_job import (
    Accepted,
    Done,
    Event,
    MediaJob,
    Memory,
    Remote,
    Stage,
)

Behind = Callable[[Coroutine[None, None, None]], None]
"""Does something after the job itself has gone."""
_NONE = Memory(device_bytes=0, host_bytes=0)
_ALMOST = 95.0
_PATIENCE = 120.0
"""Seconds for which a request that nobody waits for is still listened to, to cancel what it began."""


class _Batch(Struct, frozen=True):
    """The pictures of one request: their seeds, and the number of the first."""

    first: int
    seeds: tuple[int, ...]


class Run:
    """One job."""

    def __init__(
        self, vendor: Vendor, job: MediaJob, inputs: Inputs, tell: Callable[[Event], None], behind: Behind
    ) -> None:
        """Raises ``BackendError(INVALID_REQUEST)`` for what this vendor cannot be asked."""
        self._vendor = vendor
        self._job = job
        self._inputs = inputs
        self._tell = tell
        self._behind = behind
        self._percent = 0.0
        self._stage: str = ""
        self._cost: int | None = None
        self._made = 0
        way = vendor.plan.way(self._values(job.seeds))
        if way is None:
            raise BackendError(Cause.INVALID_REQUEST, f"{vendor.provider.name} cannot do this without a picture")
        check_inputs(job, way, vendor.plan.operation.limits)
        if job.frames is not None and not job.output.folder:
            raise BackendError(Cause.INVALID_REQUEST, "a clip needs a folder", param="output.folder")
        if job.remote is not None and job.remote.provider != vendor.provider.id:
            raise unknown(vendor, f"it was begun at {job.remote.provider}")
        if job.remote is not None and len(job.seeds) > vendor.plan.operation.limits.n:
            raise BackendError(Cause.INVALID_REQUEST, "several requests are not taken up again", param="remote")
        self._way: Way = way

    async def run(self) -> None:
        """To the last event of success. Raises ``BackendError``."""
        began = self._vendor.pace.clock()
        self._tell(Accepted(id=self._job.id))
        most = self._vendor.plan.operation.limits.n
        seeds = self._job.seeds
        batches = [_Batch(i, seeds[i : i + most]) for i in range(0, len(seeds), most)]
        if len(batches) == 1:
            await self._batch(batches[0])
        else:
            await self._several(batches)
        self._tell(Done(seconds=self._vendor.pace.clock() - began, memory=_NONE, nanousd=self._cost))

    async def cancel(self) -> None:
        """Ends what was begun elsewhere, where the vendor has that."""
        if self._job.remote is not None:
            following = Following(self._vendor, self._way, self._values(self._job.seeds), self._progress)
            await following.cancel(self._job.remote)

    async def _several(self, batches: Sequence[_Batch]) -> None:
        """After a failure nothing more is begun, and what was begun is waited for: it is paid for in any case."""
        gate = asyncio.Semaphore(min(MOST_AT_ONCE, self._vendor.provider.concurrent))
        failures: list[BackendError] = []

        async def one(batch: _Batch) -> None:
            async with gate:
                if failures:
                    return
                try:
                    await self._batch(batch)
                except BackendError as error:
                    failures.append(error)

        async with asyncio.TaskGroup() as group:
            for batch in batches:
                group.create_task(one(batch))
        if not failures:
            return
        worst = next((each for each in failures if each.cause is Cause.UNKNOWN_OUTCOME), failures[0])
        if self._made and worst.cause is not Cause.UNKNOWN_OUTCOME:
            raise unknown(self._vendor, f"some pictures were made, another was not: {worst.detail}", worst.private)
        raise worst

    async def _batch(self, batch: _Batch) -> None:
        values = self._values(batch.seeds)
        following = Following(self._vendor, self._way, values, self._progress)
        task = self._job.remote
        created: object = None
        if task is None:
            self._progress("create", 0.0)
            created = await self._created(following, values)
            if self._vendor.plan.operation.job is None:
                self._add(nanousd_of(self._vendor.plan, created))
                await self._deliver(batch, Ended(created, created), None)
                return
            task = following.task_of(created, nanousd_of(self._vendor.plan, created))
            self._tell(Remote(task=task))
        try:
            ended = await following.to_the_end(task)
        except asyncio.CancelledError:
            if not self._job.lasting:
                self._behind(following.cancel(task))
            raise
        cost = nanousd_of(self._vendor.plan, ended.result, ended.last)
        self._add(task.nanousd if cost is None else cost)
        await self._deliver(batch, ended, lambda: following.to_the_end(task))

    async def _created(self, following: Following, values: dict[str, Value]) -> object:
        """One that is cancelled on its way is waited for, so that what it begins can be cancelled too."""
        creating = asyncio.create_task(create(self._vendor, self._way, values))
        try:
            return await asyncio.shield(creating)
        except asyncio.CancelledError:
            if self._vendor.plan.cancel is None or self._job.lasting:
                creating.cancel()
            else:
                self._behind(self._undo(following, creating))
            raise

    async def _undo(self, following: Following, creating: asyncio.Task[object]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                created = await creating
            await following.cancel(following.task_of(created, None))
        except (BackendError, TimeoutError):
            return

    async def _deliver(self, batch: _Batch, ended: Ended, again: Again | None) -> None:
        self._progress("download", _ALMOST)
        found = results_of(self._vendor, ended, len(batch.seeds))
        for i, seed in enumerate(batch.seeds[: len(found)]):
            self._tell(await fetched(self._vendor, self._job, (batch.first + i, seed), (i, found), again))
            self._made += 1

    def _values(self, seeds: Sequence[int]) -> dict[str, Value]:
        return values_of(self._job, self._vendor.model, seeds, self._inputs) | dict[str, Value](self._vendor.given)

    def _progress(self, stage: str, percent: float) -> None:
        """Told when it is new; a percentage of several pictures is that of the whole, and never falls."""
        count = len(self._job.seeds)
        whole = percent if count == 1 else 100.0 * self._made / count
        known = max(self._percent, min(_ALMOST, whole))
        if known > self._percent or stage != self._stage:
            self._percent, self._stage = known, stage
            self._tell(Stage(name=stage, percent=round(known, 1)))

    def _add(self, cost: int | None) -> None:
        if cost is not None:
            self._cost = (self._cost or 0) + cost
