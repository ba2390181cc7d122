"""Everything that video jobs need, connected: made once the state database is open, run until the gateway ends."""

import asyncio
import time
from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import Engine

from gateway.artifacts.room import Room, require_room
from gateway.artifacts.store import ArtifactStore, Reached
from gateway.jobs.claims import Claims
from gateway.jobs.clip_errands import Permitted
from gateway.jobs.clip_stills import ClipStills
from gateway.jobs.desk import JobDesk
from gateway.jobs.housekeeping import Housekeeping
from gateway.jobs.job import Job, worker_name
from gateway.jobs.making_way import Blocked, Clip, who_makes_way
from gateway.jobs.runner import JobRunner
from gateway.jobs.storage import Storage
from gateway.jobs.store import JobStore
from gateway.jobs.sweep import Sweep
from gateway.jobs.video_spec import KIND, profile_of
from gateway.jobs.video_work import VideoWork
from gateway.routing.dispatch import Dispatcher
from gateway.routing.experience import Experience
from gateway.routing.spillway import Spillway
from gateway.routing.table import RouteTable
from gateway.scheduling.decision import Wait
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.ticket import Priority
from gateway.telemetry.metrics import Metrics

_LOOK = 1.0


class VideoRules(Struct, frozen=True, kw_only=True):
    """What the operator may tune. Seconds; ``hold`` as in ``who_makes_way``."""

    slots: int
    most_queued: int
    patience: float
    idle_timeout: float
    hold: float
    room: Room


class Videos:
    """One per process. ``begin`` before ``run``."""

    def __init__(
        self,
        database: Engine,
        name: str,
        artifacts: ArtifactStore,
        dispatcher: Dispatcher,
        spillway: Spillway,
        runtime: Runtime,
        table: Callable[[], RouteTable],
        experience: Experience,
        metrics: Metrics,
        rules: VideoRules,
        permit: Permitted,
        stills: ClipStills,
        reached: Reached,
    ) -> None:
        storage = Storage(database, steady_clock())
        worker = worker_name(name)
        store = JobStore(storage)
        self.rules = rules
        self._runtime = runtime
        self._metrics = metrics
        work = VideoWork(
            dispatcher, spillway, table, experience, artifacts, permit, stills, patience=rules.patience,
            idle_timeout=rules.idle_timeout, reached=reached,
        )  # fmt: skip

        def room(running: int) -> None:
            require_room(rules.room, store.tally(KIND).bytes + running * rules.room.each, artifacts.free_bytes())

        self.runner = JobRunner(
            Claims(storage, worker=worker, kind=KIND), work, artifacts, slots=rules.slots,
            keep_seconds=rules.room.keep_seconds, ended=self._ended, room=room, reached=reached,
        )  # fmt: skip
        self.desk = JobDesk(KIND, store, artifacts, self.runner, rules.room, rules.most_queued, reached)
        self.housekeeping = Housekeeping(
            KIND, Sweep(storage, kind=KIND), store, artifacts, self.runner, worker, alone=not storage.on_postgresql
        )

    async def begin(self) -> None:
        """As ``Housekeeping.begin``."""
        await self.housekeeping.begin()

    async def run(self) -> None:
        """Until cancelled; then running jobs go back to the queue."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.runner.run())
            group.create_task(self.housekeeping.run())
            group.create_task(self._make_way())

    def _ended(self, job: Job, now: Job | None) -> None:
        if now is None:
            self._metrics.job_lease_lost.labels(KIND).inc()
            return
        self._metrics.jobs.labels(KIND, now.status).inc()
        if now.status == "completed" and now.started_at is not None and now.finished_at is not None:
            self._metrics.job_duration.labels(KIND).observe(now.finished_at - now.started_at)

    async def _make_way(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            for job_id in who_makes_way(self._blocked(), self._clips(), self.rules.hold):
                self.runner.stop(job_id, "made_way")

    def _blocked(self) -> list[Blocked]:
        scheduler, now = self._runtime.scheduler, self._runtime.now()
        found: list[Blocked] = []
        for line in scheduler.queue.lines():
            if line.head.priority is not Priority.INTERACTIVE:
                continue
            decision = scheduler.next_step(line).decision
            if isinstance(decision, Wait):
                found.append(Blocked(seconds=now - line.head.enqueued, behind=decision.behind))
        return found

    def _clips(self) -> list[Clip]:
        attempts = [attempt for attempt in self.runner.attempts if attempt.variant]
        return [Clip(job=each.job, variant_id=f"{profile_of(each.job.model)}:{each.variant}") for each in attempts]


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never jump while the process runs, whatever is done to the machine's clock."""
    begun, wall = time.monotonic(), time.time()
    return lambda: wall + (time.monotonic() - begun)
