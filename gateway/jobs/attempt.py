"""One attempt at a claimed job: run it, keep its claim alive, publish, end it. Never chooses a job.

Whoever ends an attempt from outside says why (``stop``), and the row is written accordingly. When the claim is lost,
nothing is written and its files go.
"""

import asyncio
import logging
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET

from backends.errors import BackendError
from gateway.artifacts.store import ArtifactStore, Reached
from gateway.jobs.claims import Claims
from gateway.jobs.job import ENDED, HEARTBEAT_SECONDS, Failure, Job, Progress
from gateway.jobs.journal import JobJournal
from gateway.jobs.outcome import delay_of, outcome_of
from gateway.jobs.work import Work

Why = Literal["cancelled", "lost", "drained", "made_way"]
_log = logging.getLogger("forebay.jobs")
_TELL_EVERY = 1.0
_WRITING = 30.0
"""A drain or a cancelled job waits so long for a database that does not answer."""


class Attempt:
    """``job`` as it was claimed. ``running`` from the first sign of its engine on."""

    def __init__(
        self,
        job: Job,
        work: Work,
        claims: Claims,
        artifacts: ArtifactStore,
        keep_seconds: float,
        journal: JobJournal,
        reached: Reached,
    ) -> None:
        self.job = job
        self.variant = ""
        self.ended: Job | None = None
        self.journal = journal
        self._work = work
        self._claims = claims
        self._artifacts = artifacts
        self._keep_seconds = keep_seconds
        self._reached = reached
        self._news = Progress()
        self._fresh = asyncio.Event()
        self._why: Why | None = None
        self._publishing = False
        self._doing: asyncio.Task[Job | None] | None = None

    def stop(self, why: Why) -> None:
        """Ends it at once; the first reason counts. While its result is published it is too late: that takes moments,
        and whether it was cancelled is asked once more in the write that publishes."""
        if self._publishing:
            return
        if self._why is None:
            self._why = why
        if self._doing is not None:
            self._doing.cancel()

    async def run(self) -> None:
        """To the end, whatever that is. Raises ``BackendError(STORAGE)`` when the database does not take it."""
        self._doing = asyncio.get_running_loop().create_task(self._do())
        if self._why is not None:
            self._doing.cancel()
        telling = asyncio.get_running_loop().create_task(self._tell())
        try:
            await asyncio.wait((self._doing,))
        except asyncio.CancelledError:
            self.stop("drained")
            await asyncio.wait((self._doing,), timeout=_WRITING)
            raise
        finally:
            telling.cancel()
        self.ended = await self._end(self._doing)
        await asyncio.to_thread(self._tidy)

    async def _end(self, doing: "asyncio.Task[Job | None]") -> Job | None:
        if not doing.cancelled():
            return doing.result()
        match self._why:
            case "cancelled":
                return await asyncio.to_thread(self._claims.cancelled, self.job)
            case "drained" | "made_way":
                return await asyncio.to_thread(self._claims.give_back, self.job)
            case _:
                return None

    async def _do(self) -> Job | None:
        self._reached("after_claim")
        folder: Path | None = None
        job, artifacts = self.job, self._artifacts
        try:
            folder = await asyncio.to_thread(artifacts.stage, job.id, job.attempt)
            self._reached("after_stage")
            made = await self._work.run(job, folder, self._report, self.journal)
            self._publishing = True
            self._reached("after_work")
            kept = await asyncio.to_thread(artifacts.publish, job.id, job.attempt, folder, made)
            self._reached("before_finish")
            result = self._work.result(job, made, kept)
            ended = await asyncio.to_thread(self._claims.finish, job, result, keep_seconds=self._keep_seconds)
            self._reached("after_finish")
        except BackendError as error:
            if self._why is not None:
                raise asyncio.CancelledError from None
            self._publishing = True
            ended = await self._failed(error)
        finally:
            if folder is not None:
                artifacts.unstage(folder)
        self._reached("after_unstage")
        return ended

    async def _failed(self, error: BackendError) -> Job | None:
        job = self.job
        _log.warning("job %s, attempt %d: %s", job.id, job.attempt, error.detail, extra={"tail": error.private})
        failure = Failure(cause=error.cause, message=error.detail)
        abroad = self.journal.abroad
        match outcome_of(error, begun=abroad is not None and abroad.task is not None):
            case "later":
                return await asyncio.to_thread(self._claims.give_back, job, delay=delay_of(error))
            case "again":
                return await asyncio.to_thread(self._claims.retry, job, failure, delay=delay_of(error))
            case "never":
                return await asyncio.to_thread(self._claims.fail, job, failure)

    def _tidy(self) -> None:
        """Files that nobody will ask for any more. What is left over goes with the sweep."""
        job, ended = self.job, self.ended
        try:
            if ended is None:
                self._artifacts.drop(job.id, job.attempt)
            elif ended.status == "completed":
                self._artifacts.keep_only(job.id, job.attempt)
            elif ended.status in ENDED:
                self._artifacts.forget(job.id)
        except BackendError as error:
            _log.warning("job %s: files are left over: %s", job.id, error.detail)

    def _report(self, news: Progress) -> None:
        changed = {name: value for name in news.__struct_fields__ if (value := getattr(news, name)) is not UNSET}
        self._news = msgspec.structs.replace(self._news, **changed)
        if news.variant is not UNSET:
            self.variant = news.variant
        self._fresh.set()

    async def _tell(self) -> None:
        """News at most once a second, and a heartbeat when there are none."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._fresh.wait()
            except TimeoutError:
                pass
            self._fresh.clear()
            news, self._news = self._news, Progress()
            try:
                pulse = await asyncio.to_thread(self._claims.progress, self.job, news)
            except BackendError as error:
                _log.error("job %s: %s", self.job.id, error.detail)
            else:
                if not pulse.held:
                    self.stop("lost")
                    return
                if pulse.cancel_requested:
                    self.stop("cancelled")
                self._reached("after_progress")
            await asyncio.sleep(_TELL_EVERY)
