"""Which clips go back to the queue for people."""

import pytest
from msgspec.structs import replace

from gateway.jobs.job import Job
from gateway.jobs.making_way import TIMES, Blocked, Clip, who_makes_way

JOB = Job(id="video_a", owner="o", kind="video", model="film", spec=b"", status="in_progress", created_at=0, run_at=0)
CLIP = Clip(job=JOB, variant_id="film:bf16")


@pytest.mark.parametrize(
    ("seconds", "behind", "hold", "made_way"),
    [
        (60.0, ("film:bf16",), 60.0, ("video_a",)),
        (59.9, ("film:bf16",), 60.0, ()),
        (600.0, ("other:x",), 60.0, ()),
        (600.0, ("other:x", "film:bf16"), 60.0, ("video_a",)),
        (1e9, ("film:bf16",), 0.0, ()),
    ],
)
def test_it_goes_when_somebody_waited_long_enough(
    seconds: float, behind: tuple[str, ...], hold: float, made_way: tuple[str, ...]
) -> None:
    assert who_makes_way([Blocked(seconds=seconds, behind=behind)], [CLIP], hold) == made_way


def test_only_so_often() -> None:
    blocked = [Blocked(seconds=100.0, behind=("film:bf16",))]
    often = replace(CLIP, job=replace(JOB, returned=TIMES))
    assert who_makes_way(blocked, [often], 60.0) == ()
    assert who_makes_way(blocked, [replace(CLIP, job=replace(JOB, returned=TIMES - 1))], 60.0) == ("video_a",)
