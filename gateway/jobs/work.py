"""What a kind of job is to the runner. Types only."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway.artifacts.store import Kept, Made
from gateway.jobs.job import Artifact, Job, Progress
from gateway.jobs.journal import JobJournal

Report = Callable[[Progress], None]
"""Told whatever is new about a running job, as often as there is something; never waits."""


class Work(Protocol):
    """One kind of job."""

    async def run(self, job: Job, folder: Path, report: Report, journal: JobJournal) -> tuple[Made, ...]:
        """Does it; its files are in ``folder``. Raises ``BackendError``; cancelling the task stops the work here. What
        goes on elsewhere is in ``journal``, and the next run of the job takes it up.
        """
        ...

    async def abandon(self, job: Job) -> None:
        """Ends what goes on elsewhere for a job that was cancelled, as far as that can be. Raises ``BackendError``."""
        ...

    def result(self, job: Job, made: tuple[Made, ...], kept: tuple[Kept, ...]) -> tuple[Artifact, ...]:
        """How the kept files are told to clients."""
        ...
