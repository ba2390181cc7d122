"""One picture turns into another: our own pipeline on tiny random weights, through the real worker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.diffusers.args import DiffusersArgs
from backends.wire.media_job import Artifact, MediaJob, Output, Stage, Step
from tests.conformance.test_image_rows import cancel_in_the_middle
from tests.diffusers_fixtures import Worker, running, tiny

pytestmark = [pytest.mark.timeout(300)]
STEPS = 3
AT_ONCE = 8
"""Pictures of one call: see the pipeline."""


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    args = DiffusersArgs(
        pipelines={"generate": "StableDiffusionMorphPipeline"}, dtype="fp32", threads=1, native=(16, 16),
        omit=("safety_checker", "feature_extractor"), config={"requires_safety_checker": False},
    )  # fmt: skip
    with running(tiny("stable_diffusion"), args, steps=STEPS, guidance=2.0) as started:
        yield started


def job(folder: Path, prompt: str = "a cat to a lion", **fields: Any) -> MediaJob:
    given: dict[str, Any] = {"id": "morph", "width": 48, "height": 32, "seeds": (7,), "frames": AT_ONCE + 2, "fps": 8.0}
    return MediaJob(**(given | {"prompt": prompt, "output": Output(folder=str(folder))} | fields))


async def clip(worker: Worker, wanted: MediaJob) -> Artifact:
    return next(each for each in await worker.pictures(wanted) if each.role == "clip")


async def test_a_clip_in_parts_whose_steps_add_up(worker: Worker, tmp_path: Path) -> None:
    events = await worker.run(job(tmp_path))
    made = next(event for event in events if isinstance(event, Artifact) and event.role == "clip")
    assert (made.frames, made.fps, made.width, made.height) == (AT_ONCE + 2, 8.0, 48, 32)
    steps = [(event.i, event.n) for event in events if isinstance(event, Step)]
    assert steps == [(i, 2 * STEPS) for i in range(1, 2 * STEPS + 1)], "two calls, each with all steps"
    percents = [event.percent for event in events if isinstance(event, Stage | Step)]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0


async def test_seed_and_prompts_decide(worker: Worker, tmp_path: Path) -> None:
    first = await clip(worker, job(tmp_path))
    assert (await clip(worker, job(tmp_path, id="again"))).pixels_sha256 == first.pixels_sha256
    for change in (
        {"seeds": (8,)}, {"prompt": "a cat to a dog"}, {"prompt": "a cat"}, {"negative_prompt": "dogs"},
        {"prompt": "a cat to a dog to a lion"}, {"guidance": 5.0},
    ):  # fmt: skip
        other = await clip(worker, job(tmp_path, id="other", **change))
        assert other.pixels_sha256 != first.pixels_sha256, change
    one = await clip(worker, job(tmp_path, id="one", frames=1))
    assert one.frames == 1


async def test_cancelled_it_leaves_no_trace(worker: Worker, tmp_path: Path) -> None:
    before = await clip(worker, job(tmp_path))
    await cancel_in_the_middle(worker, job(tmp_path, id="cut", steps=200))
    assert (await clip(worker, job(tmp_path, id="after"))).pixels_sha256 == before.pixels_sha256
