"""What a kind of job is to the runner. Types only."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway.artifacts.store import Kept, Made
from gateway.jobs.job import Artifact, Job, Progress

Report = Callable[[Progress], None]
"""Told whatever is new about a running job, as often as there is something; never waits."""


class Work(Protocol):
    """One kind of job."""

    async def run(self, job: Job, folder: Path, report: Report) -> tuple[Made, ...]:
        """Does it; its files are in ``folder``. Raises ``BackendError``; cancelling the task stops the work."""
        ...

    def result(self, job: Job, made: tuple[Made, ...], kept: tuple[Kept, ...]) -> tuple[Artifact, ...]:
        """How the kept files are told to clients."""
        ...
