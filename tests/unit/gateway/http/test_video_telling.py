"""When it is worth looking at a job again."""

import msgspec
import pytest

from backends.contract import Task
from gateway.http.video_telling import poll_after
from gateway.jobs.job import Job
from gateway.jobs.video_spec import VideoSpec
from gateway.routing.clip_job import ClipWish


def job(frames: int, side: int, eta: float | None) -> Job:
    wish = ClipWish(task=Task.VIDEO, prompt="a cat", width=side, height=side, frames=frames, fps=8, seed=1)
    return Job(
        id="video_a", owner="", kind="video", model="m", spec=msgspec.json.encode(VideoSpec(wish=wish)),
        status="in_progress", created_at=0, run_at=0, eta=eta,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("frames", "side", "eta", "milliseconds"),
    [
        (24, 256, None, 1000),
        (81, 640, None, 5000),
        (24, 256, 59.0, 1000),
        (24, 256, 60.0, 5000),
        (81, 640, 5.0, 1000),
    ],
)
def test_seldom_while_it_takes_long(frames: int, side: int, eta: float | None, milliseconds: int) -> None:
    assert poll_after(job(frames, side, eta)) == milliseconds
