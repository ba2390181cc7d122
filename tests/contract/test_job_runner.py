"""What the runner promises about claims that are lost, drained or cancelled, on a real store of jobs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.errors import BackendError, Cause
from backends.wire.media_job import RemoteTask
from gateway.artifacts.shelf import FolderShelf
from gateway.artifacts.store import ArtifactStore, Kept, Made
from gateway.jobs.job import Artifact, Job, Progress
from gateway.jobs.journal import JobJournal
from gateway.jobs.runner import AHEAD, JobRunner
from gateway.jobs.work import Report
from gateway.routing.abroad import Abroad
from tests.job_fixtures import Gateway, database, gateway, gateway_on, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401

TASK = RemoteTask(provider="far", id="t1")
BEGUN = Abroad(provider="far", model="far-1", where="cloud", entry="spend_1")


class Errand:
    """A ``Work`` that a test leads: it begins, waits for ``go``, and makes one file."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = asyncio.Event()
        self.reports: dict[str, Report] = {}
        self.failure: BackendError | None = None
        self.abroad: Abroad | None = None
        self.abandoned: list[Job] = []

    async def run(self, job: Job, folder: Path, report: Report, journal: JobJournal) -> tuple[Made, ...]:
        self.begun.append(job.id)
        self.reports[job.id] = report
        if self.abroad is not None and journal.abroad is None:
            await journal.begins(self.abroad)
            journal.noted(TASK)
            await journal.written()
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        (folder / "video.mp4").write_bytes(b"%d" % job.attempt)
        return (Made(name="video.mp4", path=folder / "video.mp4", sha256=""),)

    async def abandon(self, job: Job) -> None:
        self.abandoned.append(job)

    def result(self, job: Job, made: tuple[Made, ...], kept: tuple[Kept, ...]) -> tuple[Artifact, ...]:
        return tuple(Artifact(name="video", key=k.key, media_type="video/mp4", size=k.size) for k in kept)


class Stage:
    """A runner that runs, and what it told."""

    def __init__(self, jobs: Gateway, root: Path) -> None:
        self.gateway = jobs
        self.kept = root / "kept"
        self.artifacts = ArtifactStore(FolderShelf(self.kept), root / "staging", 1 << 20)
        self.artifacts.prepare()
        self.errand = Errand()
        self.ended: list[Job | None] = []
        self.full, self.full_from = "", 0
        self.asked: list[int] = []
        self.runner = JobRunner(
            jobs.claims, self.errand, self.artifacts, slots=4, keep_seconds=3600.0,
            ended=lambda _, now: self.ended.append(now), room=self._room,
        )  # fmt: skip
        self.task = asyncio.create_task(self.runner.run())

    def _room(self, running: int) -> None:
        self.asked.append(running)
        if self.full and running >= self.full_from:
            raise BackendError(Cause.STORAGE, self.full)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.kept)) for path in self.kept.rglob("*") if path.is_file())

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0)


@pytest.fixture
async def stage(gateway: Gateway, tmp_path: Path) -> AsyncIterator[Stage]:  # noqa: F811
    made = Stage(gateway, tmp_path)
    yield made
    await made.close()


async def begun(stage: Stage) -> Job:
    """A job that is being worked on."""
    job = stage.gateway.create()
    stage.runner.wake()
    await stage.until(lambda: job.id in stage.errand.begun)
    return job


def taken_away(stage: Stage) -> None:
    """Its lease ends and another gateway claims it."""
    stage.gateway.pass_time(10 * 3600)
    assert stage.gateway.sweep.rescue()
    other = gateway_on(stage.gateway.database, "two/1")
    assert other.claims.claim() is not None


async def test_a_result_is_published_and_told(stage: Stage) -> None:
    job = await begun(stage)
    stage.errand.go.set()
    await stage.until(lambda: bool(stage.ended))
    now = stage.gateway.now(job)
    assert (now.status, [artifact.key for artifact in now.result]) == ("completed", [f"{job.id}/1/video.mp4"])
    assert stage.files() == [f"{job.id}/1/video.mp4"]


async def test_who_has_lost_a_job_hears_it_and_stops(stage: Stage) -> None:
    job = await begun(stage)
    taken_away(stage)
    stage.errand.reports[job.id](Progress(percent=50.0))
    await stage.until(lambda: bool(stage.ended))
    assert stage.ended == [None]
    now = stage.gateway.now(job)
    assert (now.worker, now.attempt, now.progress) == ("two/1", 2, 0.0)


async def test_a_result_that_comes_too_late_is_nobodys(stage: Stage) -> None:
    job = await begun(stage)
    taken_away(stage)
    stage.errand.go.set()
    await stage.until(lambda: bool(stage.ended))
    assert stage.ended == [None]
    assert stage.files() == []
    assert stage.gateway.now(job).status == "in_progress"


async def test_a_drain_gives_back_what_runs_and_uses_nothing_up(stage: Stage) -> None:
    job = await begun(stage)
    stage.runner.begin_drain()
    other = stage.gateway.create()
    stage.runner.wake()
    await stage.close()
    now = stage.gateway.now(job)
    assert (now.status, now.attempts_used, now.run_at) == ("queued", 0, job.run_at)
    assert stage.gateway.now(other).attempt == 0


async def test_a_cancel_that_comes_while_it_is_published_still_counts(stage: Stage) -> None:
    job = await begun(stage)
    assert stage.gateway.store.cancel(job.owner, job.id) is not None
    stage.errand.go.set()
    await stage.until(lambda: bool(stage.ended))
    assert stage.gateway.now(job).status == "cancelled"
    assert stage.files() == []


@pytest.mark.parametrize(
    ("cause", "status", "used"),
    [(Cause.NO_CAPACITY, "queued", 0), (Cause.LOAD_FAILED, "queued", 1), (Cause.CONTENT_REFUSED, "failed", 1)],
)
async def test_what_a_failure_costs(stage: Stage, cause: Cause, status: str, used: int) -> None:
    job = await begun(stage)
    stage.errand.failure = BackendError(cause, "not now")
    stage.errand.go.set()
    await stage.until(lambda: bool(stage.ended))
    now = stage.gateway.now(job)
    assert (now.status, now.attempts_used) == (status, used)
    assert (now.failure is None) == (status == "queued")
    if status == "queued":
        assert now.run_at > job.run_at, "not at once"


async def test_a_long_queue_for_one_model_leaves_room_for_others(stage: Stage) -> None:
    many = [stage.gateway.create(model="a") for _ in range(5)]
    one = stage.gateway.create(model="b")
    stage.runner.wake()
    await stage.until(lambda: len(stage.errand.begun) == AHEAD + 1)
    assert set(stage.errand.begun) == {many[0].id, many[1].id, one.id}
    stage.errand.go.set()
    await stage.until(lambda: len(stage.ended) == 6)


async def test_a_database_that_fails_is_survived(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def broken(*_: object, **__: object) -> None:
        loop.call_soon_threadsafe(asked.set)
        raise BackendError(Cause.STORAGE, "the job store cannot be written")

    with monkeypatch.context() as patched:
        patched.setattr(stage.gateway.claims, "claim", broken)
        stage.runner.wake()
        await asyncio.wait_for(asked.wait(), 30)
    job = await begun(stage)
    with monkeypatch.context() as patched:
        patched.setattr(stage.gateway.claims, "finish", broken)
        stage.errand.go.set()
        await stage.until(lambda: stage.gateway.now(job).status == "queued")
    assert stage.gateway.now(job).attempts_used == 1, "what could not be written is tried again"


async def test_without_room_for_a_result_jobs_wait(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.full, stage.full_from = "the disk is nearly full", 1
    first = await begun(stage)
    assert stage.asked[0] == 0
    second = stage.gateway.create(model="n")
    for number in range(len(stage.asked), len(stage.asked) + 3):
        stage.runner.wake()
        await stage.until(lambda most=number: len(stage.asked) > most)
    assert stage.asked[-1] == 1
    assert stage.errand.begun == [first.id]
    assert stage.gateway.now(second).attempt == 0
    assert [each.message for each in caplog.records] == ["no job can be claimed: the disk is nearly full"]
    stage.full = ""
    stage.runner.wake()
    await stage.until(lambda: second.id in stage.errand.begun)
    stage.errand.go.set()
    await stage.until(lambda: len(stage.ended) == 2)


async def test_what_has_begun_at_a_provider_outlives_a_drain_and_is_ended_when_nobody_wants_it(stage: Stage) -> None:
    stage.errand.abroad = BEGUN
    job = await begun(stage)
    await stage.until(lambda: stage.gateway.now(job).abroad == replace(BEGUN, task=TASK))
    stage.runner.stop(job.id, "drained")
    await stage.until(lambda: len(stage.ended) == 1)
    again = stage.gateway.now(job)
    assert (again.abroad, again.attempts_used) == (replace(BEGUN, task=TASK), 0)
    await stage.until(lambda: stage.errand.begun == [job.id, job.id])
    assert stage.errand.abandoned == []
    stage.runner.stop(job.id, "cancelled")
    await stage.until(lambda: [each.id for each in stage.errand.abandoned] == [job.id])
    assert stage.errand.abandoned[0].abroad == replace(BEGUN, task=TASK)


async def test_a_provider_that_has_failed_is_not_asked_again(stage: Stage) -> None:
    stage.errand.abroad = BEGUN
    stage.errand.failure = BackendError(Cause.UPSTREAM_ERROR, "it could not")
    job = await begun(stage)
    stage.errand.go.set()
    await stage.until(lambda: stage.gateway.now(job).status == "failed")
    assert stage.errand.begun == [job.id]


async def test_what_goes_on_elsewhere_takes_no_place_here(stage: Stage) -> None:
    stage.errand.abroad = BEGUN
    many = [stage.gateway.create(model="far") for _ in range(7)]
    stage.runner.wake()
    await stage.until(lambda: len(stage.errand.begun) == len(many))
    stage.errand.abroad = None
    here = [stage.gateway.create(model=name) for name in "abcdef"]
    stage.runner.wake()
    await stage.until(lambda: len(stage.errand.begun) == len(many) + 4)
    stage.errand.go.set()
    await stage.until(lambda: len(stage.ended) == len(many) + len(here))
