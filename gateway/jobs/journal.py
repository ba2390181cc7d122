"""What was begun for a job at a provider, written into its row: before it begins, when it has begun, what it has cost.

Decides nothing. ``noted`` may be called from where nothing can wait; ``written`` waits for what it began.
"""

import asyncio
import logging
from collections.abc import Callable

from msgspec.structs import replace

from backends.errors import BackendError, Cause
from backends.wire.media_job import RemoteTask
from gateway.artifacts.store import Reached, unwatched
from gateway.jobs.claims import Claims
from gateway.jobs.job import Job
from gateway.routing.abroad import Abroad

_log = logging.getLogger("forebay.jobs")


class JobJournal:
    """Of one claimed job. Implements ``routing.abroad.Journal``. ``abroad``: as it was written last. ``begun`` is told
    when it goes there.
    """

    def __init__(self, claims: Claims, job: Job, begun: Callable[[], None], reached: Reached = unwatched) -> None:
        self.abroad = job.abroad
        self._claims = claims
        self._job = job
        self._begun = begun
        self._reached = reached
        self._writing: asyncio.Task[None] | None = None

    async def begins(self, abroad: Abroad) -> None:
        """See ``Journal``."""
        await self._write(abroad)
        self._reached("after_mark")
        self._begun()

    async def nothing_began(self) -> None:
        """See ``Journal``."""
        await self._write(None)

    def noted(self, task: RemoteTask) -> None:
        """The provider has said what it calls the work. A gateway that dies before that is written has not lost money
        to a second request: the first mark says that something may have begun.
        """
        if self.abroad is not None:
            self._writing = asyncio.get_running_loop().create_task(self._go_on(replace(self.abroad, task=task)))

    async def written(self) -> None:
        """Everything that was noted is on the disk, or has been complained of."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))

    async def ended(self, nanousd: int | None, notes: tuple[str, ...]) -> None:
        """What the work has cost, in billionths of a dollar, and what is to be said of it."""
        await self.written()
        if self.abroad is not None:
            await self._go_on(replace(self.abroad, nanousd=nanousd, notes=notes))

    async def _go_on(self, abroad: Abroad) -> None:
        try:
            await self._write(abroad)
            self._reached("after_note")
        except BackendError as error:
            # It goes on all the same; only a restart would not know of it any more, and then fails the job.
            _log.error("job %s: %s", self._job.id, error.private or error.detail)

    async def _write(self, abroad: Abroad | None) -> None:
        if not await asyncio.to_thread(self._claims.note_abroad, self._job, abroad):
            raise BackendError(Cause.INTERNAL, "the job has gone to another gateway")
        self.abroad = abroad
