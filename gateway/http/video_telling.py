"""A job as its owner sees it. Pure."""

from backends.errors import BackendError
from backends.wire.openai_videos_reply import Video, VideoError, VideoEvent, VideoMade
from gateway.jobs.job import Job
from gateway.jobs.video_spec import VideoSpec, spec_of
from gateway.routing.clip_job import whole_seconds
from gateway.spending.money import dollars

_OFTEN, _SELDOM = 1000, 5000
_SLOW_SECONDS = 60.0
_LARGE = 8_000_000
"""Pixels of all pictures together: 20 of 832 x 480."""


def video_of(job: Job) -> Video:
    """The row in OpenAI's shape. Raises ``BackendError(INTERNAL)`` for what this release cannot read."""
    spec = spec_of(job.spec)
    return Video(
        id=job.id,
        model=job.model,
        status=status_of(job),
        progress=int(job.progress),
        created_at=int(job.created_at),
        completed_at=int(job.finished_at) if job.finished_at is not None and job.status == "completed" else None,
        expires_at=int(job.expires_at) if job.expires_at is not None and job.result else None,
        size=f"{spec.size[0]}x{spec.size[1]}",
        seconds=f"{round(spec.seconds, 2):g}",
        prompt=spec.wish.prompt,
        remixed_from_video_id=spec.remixed_from,
        error=None if job.failure is None else VideoError(code=job.failure.cause.value, message=job.failure.message),
        forebay=_made(job, spec),
    )


def status_of(job: Job) -> str:
    """A job that is claimed but waits for memory is queued, to people."""
    return "queued" if job.status == "in_progress" and not job.stage else job.status


def poll_after(job: Job) -> int:
    """Milliseconds before it is worth looking again. OpenAI's clients keep what their first look says, when no time is
    known yet: how much there is to show stands for it."""
    spec = spec_of(job.spec)
    large = spec.frames * spec.size[0] * spec.size[1] >= _LARGE
    slow = large if job.eta is None else job.eta >= _SLOW_SECONDS
    return _SELDOM if slow else _OFTEN


def event_of(job: Job) -> VideoEvent:
    """What is said when anything of it has changed."""
    return VideoEvent(type=f"video.{status_of(job)}", video=video_of(job))


def readable(jobs: tuple[Job, ...]) -> list[Video]:
    """A page, without rows that a later release has written: they must not hide the others."""
    found: list[Video] = []
    for job in jobs:
        try:
            found.append(video_of(job))
        except BackendError:
            continue
    return found


def _made(job: Job, spec: VideoSpec) -> VideoMade:
    return VideoMade(
        task=spec.wish.task.value,
        frames=spec.frames,
        fps=spec.wish.fps,
        seed=spec.wish.seed,
        variant=job.variant or None,
        backend=job.backend or None,
        where="local" if job.abroad is None else job.abroad.where,
        cost_usd=None if job.abroad is None else dollars(job.abroad.nanousd),
        stage=(job.stage or None) if job.status == "in_progress" else None,
        eta=whole_seconds(job.eta),
        attempts=job.attempts_used,
        notes=[*job.notes, *(() if job.abroad is None else job.abroad.notes)],
        extends=spec.extends,
        bytes=job.bytes,
    )
