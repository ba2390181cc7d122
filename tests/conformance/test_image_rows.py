"""Every open image row of the catalog: its pipeline classes end to end through the real worker, on tiny random weights.

For each family: every task, the same picture twice, progress up to the whole, a LoRA that leaves no trace, the cache of
its denoiser, a cancelled job, and the same picture again after it.
"""

import base64
import io
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from PIL import Image

from backends.diffusers.args import Cache, DiffusersArgs, FirstBlockCache, LoraFile, TaylorSeerCache
from backends.diffusers.worker.serve import EXIT_LOAD_FAILED
from backends.errors import BackendError
from backends.wire.media_job import Artifact, Done, Lora, MediaJob, MediaTask, Source, Stage, Step
from tests.diffusers_fixtures import Worker, running, tiny
from tests.tiny_models.families import FAMILIES
from tests.tiny_models.family import Family

pytestmark = [pytest.mark.timeout(300)]
PICTURES = {name: family for name, family in FAMILIES.items() if family.pictures}
STEPS = 4
BROKEN = {("flux2", FirstBlockCache), ("flux2_klein", FirstBlockCache)}
"""Caches that the library itself cannot put on a family (diffusers 0.42.1); the worker survives it."""
CACHES: tuple[Cache, ...] = (FirstBlockCache(threshold=0.5), TaylorSeerCache(interval=2, warmup=1))


@pytest.fixture(scope="module", params=sorted(PICTURES))
def family(request: pytest.FixtureRequest) -> Family:
    return PICTURES[request.param]


@pytest.fixture(scope="module")
def worker(family: Family) -> Iterator[Worker]:
    loras = {"style": LoraFile(part="style")} if family.lora else {}
    parts = {"style": tiny(family.name, "lora")} if family.lora else {}
    args = msgspec.structs.replace(args_of(family), loras=loras)
    with running(tiny(family.name), args, parts=parts, steps=STEPS, guidance=2.0) as started:
        yield started


def args_of(family: Family) -> DiffusersArgs:
    pipelines = cast("dict[MediaTask, str]", {t: c for t, c in family.pipelines.items() if t in family.pictures})
    call: dict[str, Any] = dict(family.call)
    if family.frames is not None and "generate" in pipelines:
        call["num_frames"] = family.frames
    return DiffusersArgs(
        pipelines=pipelines, dtype="fp32", call=call, guidance_argument=family.guidance[0], threads=1
    )  # fmt: skip


def picture(width: int, height: int, seed: int = 0) -> Source:
    """Something that is not plain."""
    noise = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    noise.paste((200, 30, seed % 256), (0, 0, width // 2, height // 2))
    return source(noise)


def source(image: Image.Image) -> Source:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Source(data=base64.b64encode(buffer.getvalue()).decode())


def job(family: Family, task: MediaTask, **fields: Any) -> MediaJob:
    width, height = family.sides
    given: dict[str, Any] = {"id": f"{task}", "prompt": "a cat", "width": width, "height": height, "seeds": (7,)}
    given |= {"task": task, "steps": STEPS}
    if task != "generate":
        given["images"] = (picture(width, height),)
    if task in ("vary", "inpaint"):
        given["strength"] = 0.75
    if task == "inpaint":
        mask = Image.new("L", (width, height), 0)
        mask.paste(255, (0, 0, width, height // 2))
        given["mask"] = source(mask)
    return MediaJob(**(given | fields))


def first_task(family: Family) -> MediaTask:
    return cast("MediaTask", next(task for task in family.pipelines if task in family.pictures))


async def test_every_task_it_claims(family: Family, worker: Worker) -> None:
    for name in sorted(family.pictures):
        task = cast("MediaTask", name)
        wanted = job(family, task)
        events = await worker.run(wanted)
        made = [event for event in events if isinstance(event, Artifact)]
        assert len(made) == 1, task
        found = Image.open(io.BytesIO(base64.b64decode(made[0].data)))
        assert found.size == (made[0].width, made[0].height)
        if task == "generate" and family.area is None:
            assert found.size == family.sides, task
        percents = [event.percent for event in events if isinstance(event, Stage | Step)]
        assert percents == sorted(percents), task
        assert percents[-1] == 100.0
        steps = [event.i for event in events if isinstance(event, Step)]
        assert steps == sorted(steps), task
        assert steps, task
        assert isinstance(events[-1], Done)
        (again,) = await worker.pictures(wanted)
        assert again.data == made[0].data, f"{task}: the same seed, the same picture"


async def test_a_negative_prompt_and_previews_are_taken(family: Family, worker: Worker) -> None:
    task = first_task(family)
    negative = "a dog" if family.negative_prompt else None
    events = await worker.run(job(family, task, negative_prompt=negative, previews=1))
    assert isinstance(events[-1], Done)


async def test_a_lora_changes_it_and_leaves_no_trace(family: Family, worker: Worker) -> None:
    task = first_task(family)
    if not family.lora:
        with pytest.raises(BackendError, match="no LoRA of that name"):
            await worker.pictures(job(family, task, loras=(Lora("style"),)))
        return
    (plain,) = await worker.pictures(job(family, task))
    (styled,) = await worker.pictures(job(family, task, loras=(Lora("style"),)))
    (again,) = await worker.pictures(job(family, task))
    assert styled.data != plain.data
    assert again.data == plain.data


async def test_cancelled_at_a_step_it_stops_and_the_next_picture_is_the_same(family: Family, worker: Worker) -> None:
    task = first_task(family)
    (before,) = await worker.pictures(job(family, task))
    await cancel_in_the_middle(worker, job(family, task, id="cut", steps=200))
    (after,) = await worker.pictures(job(family, task))
    assert after.data == before.data


@pytest.mark.parametrize("cache", CACHES, ids=["first_block", "taylorseer"])
@pytest.mark.parametrize("name", [name for name, family in PICTURES.items() if family.cache])
async def test_a_cache_is_clean_after_a_cancelled_job(name: str, cache: Cache) -> None:
    family = PICTURES[name]
    task = first_task(family)
    args = msgspec.structs.replace(args_of(family), cache=cache)
    with running(tiny(family.name), args, steps=8, guidance=2.0) as cached:
        if (family.name, type(cache)) in BROKEN:
            with pytest.raises(BackendError, match="the worker failed"):
                await cached.pictures(job(family, task, steps=8))
            return
        (before,) = await cached.pictures(job(family, task, steps=8))
        await cancel_in_the_middle(cached, job(family, task, id="cut", steps=200))
        (after,) = await cached.pictures(job(family, task, steps=8))
        assert after.data == before.data


def test_a_cache_on_a_class_without_one_is_said_at_the_start() -> None:
    family = PICTURES["stable_diffusion"]
    args = msgspec.structs.replace(args_of(family), cache=FirstBlockCache())
    with running(tiny(family.name), args, ready=False) as worker:
        assert worker.process.wait(90) == EXIT_LOAD_FAILED
        assert "has no cache of its own" in worker.stderr


async def cancel_in_the_middle(worker: Worker, wanted: MediaJob) -> None:
    """Cancels at the second step, and sees it end within the next."""
    body = msgspec.json.encode(wanted)
    async with worker.client() as client, client.stream("POST", "/jobs", content=body) as answer:
        steps, last = 0, b""
        async for line in answer.aiter_lines():
            last = bytes(msgspec.json.decode(line, type=dict[str, msgspec.Raw])["event"])
            steps += last == b'"step"'
            if last == b'"step"' and steps == 2:
                assert (await client.delete(f"/jobs/{wanted.id}")).status_code == 204
    assert last == b'"cancelled"'
    assert steps < 100
