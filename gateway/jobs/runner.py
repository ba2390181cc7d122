"""Claims jobs of one kind and has them run, a few at a time. Decides when to claim and whom to stop; runs nothing.

A job that waits for memory holds a claim but no device, so several are claimed at once: at most ``AHEAD`` of one model,
so that a long queue for one does not keep other devices idle. What has begun at a provider needs nothing here, and is
counted apart. While a result could not be kept, jobs stay in the queue.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable

from backends.errors import BackendError
from gateway.artifacts.store import ArtifactStore, Reached, unwatched
from gateway.jobs.attempt import Attempt, Why
from gateway.jobs.claims import Claims
from gateway.jobs.job import Job
from gateway.jobs.journal import JobJournal
from gateway.jobs.work import Work

_log = logging.getLogger("forebay.jobs")
_POLL = 1.0
_LOOK = 0.25
AHEAD = 2
"""Claimed of one model: one that runs, and the next."""
ABROAD = 16
"""Followed at providers at once, besides."""

Room = Callable[[int], None]
"""Raises ``BackendError`` when there is no room for a result beside those of so many running jobs; for a thread."""

Ended = Callable[[Job, Job | None], None]
"""Told of each attempt: the job as it was claimed and as it is then, or None when the claim was lost."""


class JobRunner:
    """``run`` must be running. ``wake`` says that there may be something to claim. ``hindrance``: why nothing is."""

    def __init__(
        self,
        claims: Claims,
        work: Work,
        artifacts: ArtifactStore,
        *,
        slots: int,
        keep_seconds: float,
        ended: Ended,
        room: Room = lambda _: None,
        reached: Reached = unwatched,
    ) -> None:
        self._claims = claims
        self._work = work
        self._artifacts = artifacts
        self._slots = slots
        self._keep_seconds = keep_seconds
        self._ended = ended
        self._room = room
        self._reached = reached
        self.hindrance = ""
        self._attempts: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._draining = False

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those under way."""
        return tuple(self._attempts.values())

    def wake(self) -> None:
        """Something was queued."""
        self._wake.set()

    def stop(self, job_id: str, why: Why) -> None:
        """Nothing when it does not run here."""
        attempt = self._attempts.get(job_id)
        if attempt is not None:
            attempt.stop(why)

    def abandon(self, job: Job | None) -> None:
        """Ends what goes on elsewhere for a job that nobody wants any more. Nothing where nothing does."""
        if job is not None and job.status == "cancelled" and job.abroad is not None:
            task = asyncio.get_running_loop().create_task(self._let_go(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def begin_drain(self) -> None:
        """Nothing new is claimed; what runs goes on."""
        self._draining = True

    async def run(self) -> None:
        """Until it is cancelled; then what still runs is given back to the queue."""
        looking = asyncio.get_running_loop().create_task(self._look())
        try:
            while True:
                await self._fill()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            looking.cancel()
            for attempt in self.attempts:
                attempt.stop("drained")
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _fill(self) -> None:
        while not self._draining:
            here = [attempt.job.model for attempt in self.attempts if attempt.journal.abroad is None]
            if len(here) >= self._slots or len(self._attempts) >= self._slots + ABROAD:
                return
            busy = Counter(here)
            full = [model for model, count in busy.items() if count >= AHEAD]
            try:
                self._reached("before_claim")
                job = await asyncio.to_thread(self._claim, full)
            except BackendError as error:
                self._complain(error)
                return
            self.hindrance = ""
            if job is None:
                return
            journal = JobJournal(self._claims, job, self.wake, self._reached)
            attempt = Attempt(
                job, self._work, self._claims, self._artifacts, self._keep_seconds, journal, self._reached
            )
            self._attempts[job.id] = attempt
            task = asyncio.get_running_loop().create_task(self._see_through(attempt))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _claim(self, full: list[str]) -> Job | None:
        self._room(len(self._attempts))
        return self._claims.claim(None, full)

    def _complain(self, error: BackendError) -> None:
        """Once for each reason, since it is tried each second."""
        if error.detail != self.hindrance:
            self.hindrance = error.detail
            _log.error("no job can be claimed: %s", error.detail, extra={"tail": error.private})

    async def _see_through(self, attempt: Attempt) -> None:
        job = attempt.job
        try:
            await attempt.run()
        except BackendError as error:
            # Its lease ends, and then whoever sweeps takes it up.
            _log.error(
                "the end of job %s could not be written: %s", job.id, error.detail, extra={"tail": error.private}
            )
        finally:
            self._attempts.pop(job.id, None)
            self.wake()
        self.abandon(attempt.ended)
        self._ended(job, attempt.ended)

    async def _let_go(self, job: Job) -> None:
        try:
            await self._work.abandon(job)
        except BackendError as error:
            _log.warning("job %s goes on elsewhere: %s", job.id, error.detail, extra={"tail": error.private})

    async def _look(self) -> None:
        """Another gateway may have been asked to cancel what runs here."""
        while True:
            await asyncio.sleep(_LOOK)
            if not self._attempts:
                continue
            try:
                unwanted = await asyncio.to_thread(self._claims.unwanted)
            except BackendError:
                continue  # the heartbeat says so in the log
            for job_id in unwanted:
                self.stop(job_id, "cancelled")
