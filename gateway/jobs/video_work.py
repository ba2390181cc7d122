"""Makes clips: from a claimed job to the files of its result. Implements ``Work``.

Owns no row and no file; where it runs is the dispatcher's decision, at the priority of a batch. What has begun at a
provider is gone on with there.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.lines import understood
from backends.wire.media_job import Artifact as MadeByWorker
from backends.wire.media_job import Done, Event, MediaJob
from gateway.artifacts.store import ArtifactStore, Kept, Made, Reached, unwatched
from gateway.jobs.clip_errands import Permitted, errand_of
from gateway.jobs.clip_stills import ClipStills, differences
from gateway.jobs.clip_teller import ClipTeller
from gateway.jobs.job import Artifact, Job, Progress
from gateway.jobs.journal import JobJournal
from gateway.jobs.video_spec import SHEET, THUMBNAIL, VIDEO, VideoSpec, spec_of
from gateway.jobs.work import Report
from gateway.routing.abroad import Abroad
from gateway.routing.clip_job import ClipWish, at, demand_of, job_of, only_able, work_of
from gateway.routing.dispatch import Dispatcher
from gateway.routing.errand import Errand
from gateway.routing.experience import Experience
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate, Opened, Route
from gateway.routing.spillway import Spillway
from gateway.routing.table import RouteTable
from gateway.scheduling.ticket import Priority

_NOWHERE = Path("nowhere")
_NAMES = {"clip": VIDEO, "thumbnail": THUMBNAIL, "sheet": SHEET}
_TYPES = {"mp4": "video/mp4", "webp": "image/webp", "jpeg": "image/jpeg", "png": "image/png"}


class VideoWork:
    """``permit``: what a key allows elsewhere. ``patience``: how long a job waits for memory before it goes back into
    the queue, in seconds.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        spillway: Spillway,
        table: Callable[[], RouteTable],
        experience: Experience,
        artifacts: ArtifactStore,
        permit: Permitted,
        stills: ClipStills,
        *,
        patience: float,
        idle_timeout: float,
        reached: Reached = unwatched,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatcher = dispatcher
        self._spillway = spillway
        self._table = table
        self._experience = experience
        self._artifacts = artifacts
        self._permit = permit
        self._stills = stills
        self._patience = patience
        self._idle_timeout = idle_timeout
        self._reached = reached
        self._clock = clock

    async def run(self, job: Job, folder: Path, report: Report, journal: JobJournal) -> tuple[Made, ...]:
        """See ``Work``."""
        spec = spec_of(job.spec)
        wish = await asyncio.to_thread(self._fetched, spec, folder)
        route = self._table().sized(only_able(wish, self._table().route(job.model)), demand_of(wish))
        best = next(iter(route.candidates), None)
        cost = best and self._experience.paces.seconds(best.target.variant_id, work_of(wish, best))
        teller = ClipTeller(report, cost, self._clock, self._reached, journal.noted)

        def call(candidate: Candidate) -> Call:
            teller.begin(candidate)
            return self._call(_job(wish, candidate, job.id, folder, job.abroad), teller.heard)

        self._reached("before_dispatch")
        errand = errand_of(self._permit, job, spec, route, journal)
        try:
            opened = await self._opened(job, route, call, errand, cost)
        finally:
            await journal.written()
        try:
            self._reached("after_generation")
            events = [understood(line) for line in opened.reply.first.splitlines()]
            self._learn(wish, opened, events[-1])
        finally:
            opened.close()
        made = _made(events)
        if opened.candidate.provider:
            stills, seen = await self._stills.of(made[0].path, folder)
            made += stills
            await journal.ended(opened.nanousd, differences(wish, seen))
        report(Progress(percent=99.0, stage="publish", eta=None))
        return made

    async def abandon(self, job: Job) -> None:
        """See ``Work``."""
        abroad = job.abroad
        if abroad is None:
            return
        wish, route = spec_of(job.spec).wish, self._table().route(job.model)

        def call(candidate: Candidate) -> Call:
            asked = _job(wish, candidate, job.id, _NOWHERE, abroad)
            return replace(self._call(asked, None), method="DELETE", path=f"/jobs/{job.id}", lines=False)

        await self._spillway.abandon(route, call, abroad)

    async def _opened(
        self, job: Job, route: Route, call: Callable[[Candidate], Call], errand: Errand, cost: float | None
    ) -> Opened:
        if job.abroad is None:
            ask = Ask(priority=Priority.BATCH, cost=cost, request=job.id, patience=self._patience, errand=errand)
            return await self._dispatcher.open(route, call, job.owner, ask)
        if job.abroad.task is None:
            detail = f"what became of the request to {job.abroad.provider} is not known: the gateway stopped just then"
            raise BackendError(Cause.UNKNOWN_OUTCOME, detail)
        return await self._spillway.resume(route, call, errand)

    def _call(self, job: MediaJob, heard: Callable[[bytes], None] | None) -> Call:
        return Call(
            path="/jobs",
            body=msgspec.json.encode(job),
            lines=True,
            heard=heard,
            request_id=job.id,
            idle_timeout=self._idle_timeout,
        )

    def _learn(self, wish: ClipWish, opened: Opened, last: Event) -> None:
        if isinstance(last, Done) and not opened.candidate.provider:
            self._experience.note(opened.candidate, work_of(wish, opened.candidate), demand_of(wish), last)

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


def _job(wish: ClipWish, candidate: Candidate, job_id: str, folder: Path, abroad: Abroad | None) -> MediaJob:
    made = job_of(wish, candidate, job_id, str(folder))
    return made if abroad is None else replace(made, remote=abroad.task)


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
