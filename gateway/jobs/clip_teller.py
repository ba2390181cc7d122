"""What is said of a clip while it is made, as progress of its job. Another backend may have to begin anew, so it may
fall back.
"""

from collections.abc import Callable

import msgspec

from backends.http.lines import understood
from backends.wire.media_job import Remote, RemoteTask, Stage, Step
from gateway.artifacts.store import Reached
from gateway.jobs.job import Progress
from gateway.jobs.work import Report
from gateway.routing.clip_job import remaining
from gateway.routing.route import Candidate


class ClipTeller:
    """Of one run. ``begun`` hears of work that a provider has begun."""

    def __init__(
        self,
        report: Report,
        expected: float | None,
        clock: Callable[[], float],
        reached: Reached,
        begun: Callable[[RemoteTask], None],
    ) -> None:
        self._report = report
        self._expected = expected
        self._clock = clock
        self._reached = reached
        self._told = begun
        self._candidate: Candidate | None = None
        self._begun: float | None = None

    def begin(self, candidate: Candidate) -> None:
        """``candidate`` is to do it, once there is room."""
        self._candidate = candidate
        self._begun = None

    def heard(self, line: bytes) -> None:
        """One event of the backend."""
        event = understood(line)
        if self._begun is None:
            self._begin()
        if isinstance(event, Remote):
            self._told(event.task)
            self._reached("after_remote")
        if isinstance(event, Stage | Step):
            self._progress(event)

    def _begin(self) -> None:
        assert self._candidate is not None, "a worker is called before it says anything"
        self._begun = self._clock()
        variant = self._candidate.variant
        backend = self._candidate.provider or str(variant.engine.__struct_config__.tag)
        self._report(Progress(stage="begin", percent=0.0, variant=variant.name, backend=backend))
        self._reached("after_accepted")

    def _progress(self, event: Stage | Step) -> None:
        assert self._begun is not None
        percent = min(99.0, event.percent)
        news = Progress(percent=percent, eta=remaining(self._clock() - self._begun, percent, self._expected))
        if isinstance(event, Stage):
            news = msgspec.structs.replace(news, stage=event.name)
        self._report(news)
        self._reached(f"at_{event.name}" if isinstance(event, Stage) else f"at_step_{event.i}")
