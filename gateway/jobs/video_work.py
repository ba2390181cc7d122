"""Makes clips on local engines: from a claimed job to the files that a worker wrote. Implements ``Work``.

Owns no row and no file; where it runs is the dispatcher's decision, at the priority of a batch.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.lines import understood
from backends.wire.media_job import Artifact as MadeByWorker
from backends.wire.media_job import Done, Event, Stage, Step
from gateway.artifacts.store import ArtifactStore, Kept, Made, Reached, unwatched
from gateway.jobs.job import Artifact, Job, Progress
from gateway.jobs.video_spec import SHEET, THUMBNAIL, VIDEO, VideoSpec, spec_of
from gateway.jobs.work import Report
from gateway.routing.clip_job import ClipWish, at, demand_of, job_of, only_able, remaining, work_of
from gateway.routing.dispatch import Dispatcher
from gateway.routing.experience import Experience
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate
from gateway.routing.table import RouteTable
from gateway.scheduling.ticket import Priority

_NAMES = {"clip": VIDEO, "thumbnail": THUMBNAIL, "sheet": SHEET}
_TYPES = {"mp4": "video/mp4", "webp": "image/webp", "jpeg": "image/jpeg", "png": "image/png"}


class LocalVideo:
    """``patience``: how long a job waits for memory before it goes back into the queue, in seconds."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        table: Callable[[], RouteTable],
        experience: Experience,
        artifacts: ArtifactStore,
        *,
        patience: float,
        idle_timeout: float,
        reached: Reached = unwatched,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatcher = dispatcher
        self._table = table
        self._experience = experience
        self._artifacts = artifacts
        self._patience = patience
        self._idle_timeout = idle_timeout
        self._reached = reached
        self._clock = clock

    async def run(self, job: Job, folder: Path, report: Report) -> tuple[Made, ...]:
        """See ``Work``."""
        spec = spec_of(job.spec)
        wish = await asyncio.to_thread(self._fetched, spec, folder)
        route = self._table().sized(only_able(wish, self._table().route(job.model)), demand_of(wish))
        best = route.candidates[0]
        cost = self._experience.paces.seconds(best.target.variant_id, work_of(wish, best))
        ask = Ask(priority=Priority.BATCH, cost=cost, request=job.id, patience=self._patience)
        teller = _Teller(report, cost, self._clock, self._reached)

        def call(candidate: Candidate) -> Call:
            teller.begin(candidate)
            return Call(
                path="/jobs",
                body=msgspec.json.encode(job_of(wish, candidate, job.id, str(folder))),
                lines=True,
                heard=teller.heard,
                request_id=job.id,
                idle_timeout=self._idle_timeout,
            )

        self._reached("before_dispatch")
        opened = await self._dispatcher.open(route, call, job.owner, ask)
        try:
            self._reached("after_generation")
            events = [understood(line) for line in opened.reply.first.splitlines()]
            if isinstance(events[-1], Done):
                self._experience.note(opened.candidate, work_of(wish, opened.candidate), demand_of(wish), events[-1])
        finally:
            opened.close()
        report(Progress(percent=99.0, stage="publish", eta=None))
        return _made(events)

    def result(self, job: Job, made: tuple[Made, ...], kept: tuple[Kept, ...]) -> tuple[Artifact, ...]:
        """See ``Work``."""
        return tuple(
            Artifact(
                name=Path(each.name).stem, key=file.key, media_type=_TYPES[Path(each.name).suffix[1:]],
                size=file.size, digest=file.digest,
            )
            for each, file in zip(made, kept, strict=True)
        )  # fmt: skip

    def _fetched(self, spec: VideoSpec, folder: Path) -> ClipWish:
        """The wish with its files in ``folder``."""

        def here(key: str | None) -> str | None:
            if key is None:
                return None
            path = folder / f"given-{Path(key).name}"
            self._artifacts.fetch(key, path)
            return str(path)

        return at(spec.wish, first=here(spec.first), last=here(spec.last), clip=here(spec.clip))


class _Teller:
    """What a worker says, as progress of a job. Another worker may have to begin anew, so it may fall back."""

    def __init__(self, report: Report, expected: float | None, clock: Callable[[], float], reached: Reached) -> None:
        self._report = report
        self._expected = expected
        self._clock = clock
        self._reached = reached
        self._candidate: Candidate | None = None
        self._begun: float | None = None

    def begin(self, candidate: Candidate) -> None:
        """``candidate`` is to do it, once there is room."""
        self._candidate = candidate
        self._begun = None

    def heard(self, line: bytes) -> None:
        event = understood(line)
        if self._begun is None:
            self._begin()
        if isinstance(event, Stage | Step):
            self._progress(event)

    def _begin(self) -> None:
        assert self._candidate is not None, "a worker is called before it says anything"
        self._begun = self._clock()
        variant = self._candidate.variant
        kind = variant.engine.__struct_config__.tag
        self._report(Progress(stage="begin", percent=0.0, variant=variant.name, backend=f"{kind}"))
        self._reached("after_accepted")

    def _progress(self, event: Stage | Step) -> None:
        assert self._begun is not None
        percent = min(99.0, event.percent)
        news = Progress(percent=percent, eta=remaining(self._clock() - self._begun, percent, self._expected))
        if isinstance(event, Stage):
            news = msgspec.structs.replace(news, stage=event.name)
        self._report(news)
        self._reached(f"at_{event.name}" if isinstance(event, Stage) else f"at_step_{event.i}")


def _made(events: list[Event]) -> tuple[Made, ...]:
    """The files that were told, by their roles. Raises ``BackendError(UPSTREAM_PROTOCOL)`` without a clip."""
    made = tuple(
        Made(name=f"{_NAMES[event.role]}.{event.format}", path=Path(event.path), sha256=event.sha256)
        for event in events
        if isinstance(event, MadeByWorker) and event.role in _NAMES and event.path
    )
    names = [Path(each.name).stem for each in made]
    if names.count(VIDEO) != 1 or len(set(names)) != len(names):
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the worker ended without one clip")
    return made
