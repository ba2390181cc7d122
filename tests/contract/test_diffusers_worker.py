"""The diffusers worker on a tiny Stable Diffusion with random weights: what every job may count on."""

import asyncio
import base64
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from PIL import Image

from backends.contract import Call
from backends.diffusers.args import DiffusersArgs, LoraFile
from backends.diffusers.worker.serve import EXIT_LOAD_FAILED
from backends.errors import BackendError, Cause
from backends.http.relay import HttpBackend
from backends.wire.media_job import Artifact, Done, Lora, MediaJob, Output, Preview, Source, Stage, Step
from tests.diffusers_fixtures import DEADLINE, Worker, running, tiny

PIPELINES = {
    "generate": "StableDiffusionPipeline",
    "vary": "StableDiffusionImg2ImgPipeline",
    "inpaint": "StableDiffusionInpaintPipeline",
}
ARGS = DiffusersArgs(pipelines=PIPELINES, dtype="fp32", threads=1)  # type: ignore[arg-type]
SIDE = 32


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running(tiny("stable_diffusion"), ARGS, guidance=5.0) as started:
        yield started


def job(name: str = "j", **fields: object) -> MediaJob:
    given = {"id": name, "prompt": "a cat", "width": SIDE, "height": SIDE, "seeds": (7,), "steps": 4}
    return MediaJob(**(given | fields))  # type: ignore[arg-type]


def decoded(artifact: Artifact | Preview) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(artifact.data)))


async def test_a_picture_for_each_seed_the_same_alone_or_together(worker: Worker) -> None:
    both = await worker.pictures(job(seeds=(7, 8)))
    assert [(each.index, each.seed) for each in both] == [(0, 7), (1, 8)]
    assert both[0].data != both[1].data
    for each in both:
        assert decoded(each).size == (each.width, each.height) == (SIDE, SIDE)
        raw = base64.b64decode(each.data)
        assert (each.bytes, each.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
    (alone,) = await worker.pictures(job(seeds=(8,)))
    assert alone.data == both[1].data


async def test_progress_is_monotone_up_to_the_whole(worker: Worker) -> None:
    events = await worker.run(job(seeds=(1, 2), steps=5))
    percents = [each.percent for each in events if isinstance(each, Stage | Step)]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0.0, 100.0)
    steps = [(each.i, each.n) for each in events if isinstance(each, Step)]
    assert steps == [(i, 5) for i in (1, 2, 3, 4, 5)] * 2
    done = events[-1]
    assert isinstance(done, Done)
    assert done.memory.host_bytes > 100_000_000


async def test_previews_are_pictures_of_the_same_size(worker: Worker) -> None:
    events = await worker.run(job(steps=6, previews=2))
    previews = [each for each in events if isinstance(each, Preview)]
    assert [each.number for each in previews] == [0, 1]
    assert {decoded(each).size for each in previews} == {(SIDE, SIDE)}
    (plain,) = await worker.pictures(job(steps=6))
    assert next(each.data for each in events if isinstance(each, Artifact)) == plain.data


@pytest.mark.parametrize(("form", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
async def test_formats(worker: Worker, form: str, kind: str) -> None:
    (picture,) = await worker.pictures(job(output=Output(format=form, quality=80)))  # type: ignore[arg-type]
    assert (picture.format, decoded(picture).format) == (form, kind)


async def test_a_folder_gets_whole_files(worker: Worker, tmp_path: Path) -> None:
    (picture,) = await worker.pictures(job("named", output=Output(folder=str(tmp_path))))
    raw = Path(picture.path).read_bytes()
    assert (picture.bytes, picture.sha256, picture.data) == (len(raw), hashlib.sha256(raw).hexdigest(), "")
    assert [each.name for each in tmp_path.iterdir()] == ["named-0.png"]
    with pytest.raises(BackendError):
        await worker.run(job(output=Output(folder=str(tmp_path / "not there"))))


async def test_a_variation_keeps_more_at_less_strength(worker: Worker) -> None:
    start = Image.effect_noise((SIDE, SIDE), 80).convert("RGB")
    buffer = io.BytesIO()
    start.save(buffer, "PNG")
    source = Source(data=base64.b64encode(buffer.getvalue()).decode())
    events = await worker.run(job(task="vary", images=(source,), strength=0.5, steps=8))
    assert sum(isinstance(each, Step) for each in events) == 4, "half of the steps"
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (0, 0, SIDE // 2, SIDE))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    painted = Source(data=base64.b64encode(buffer.getvalue()).decode())
    (picture,) = await worker.pictures(job(task="inpaint", images=(source,), mask=painted, strength=1.0))
    assert (picture.width, picture.height) == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"task": "edit"}, "task"),
        ({"task": "vary"}, "images"),
        ({"task": "vary", "images": (Source(data="AAAA"),)}, "images[0]"),
        ({"task": "vary", "images": (Source(path="/not/there.png"),)}, "images[0]"),
        ({"loras": (Lora("nobody"),)}, "loras[0].name"),
        ({"seeds": ()}, "seeds"),
    ],
)
async def test_what_it_cannot_do_is_refused_by_name(worker: Worker, wrong: dict[str, object], param: str) -> None:
    with pytest.raises(BackendError) as caught:
        await worker.run(job(**wrong))
    assert (caught.value.cause, caught.value.param) == (Cause.INVALID_REQUEST, param)


async def test_fifty_random_cancels_stop_within_a_step_and_leave_nothing_behind(worker: Worker) -> None:
    """Each at a random step of a long job; what comes after them is bit for bit what came before."""
    (before,) = await worker.pictures(job())
    random = Random(1)
    async with worker.client() as client:
        for number in range(50):
            body = msgspec.json.encode(job(f"c{number}", steps=300))
            at = random.randint(1, 12)
            async with client.stream("POST", "/jobs", content=body) as answer:
                seen = 0
                last = b""
                async for line in answer.aiter_lines():
                    event = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
                    last = bytes(event["event"])
                    if last == b'"step"':
                        seen += 1
                        if seen == at:
                            async with worker.client() as other:
                                assert (await other.delete(f"/jobs/c{number}")).status_code == 204
                assert last == b'"cancelled"'
                assert seen < 300
    (after,) = await worker.pictures(job())
    assert after.data == before.data


async def test_whoever_hangs_up_stops_it(worker: Worker) -> None:
    (before,) = await worker.pictures(job())
    backend = HttpBackend("diffusers", worker.socket)
    begun = asyncio.Event()
    call = Call(
        path="/jobs", body=msgspec.json.encode(job("long", steps=5000)), lines=True, heard=lambda line: begun.set()
    )
    running_job = asyncio.ensure_future(backend.open(call))
    async with asyncio.timeout(DEADLINE):
        await begun.wait()
        running_job.cancel()
        (after,) = await worker.pictures(job())
    assert after.data == before.data


async def test_host_ram_and_back(worker: Worker) -> None:
    (before,) = await worker.pictures(job())
    async with worker.client() as client:
        assert (await client.post("/offload")).status_code == 200
        assert (await client.get("/memory")).json()["device_bytes"] == 0
    (after,) = await worker.pictures(job())
    assert after.data == before.data


async def test_a_lora_changes_the_picture_and_leaves_no_trace() -> None:
    loras = {"style": LoraFile(part="style")}
    args = msgspec.structs.replace(ARGS, loras=loras)
    with running(tiny("stable_diffusion"), args, parts={"style": tiny("stable_diffusion", "lora")}) as worker:
        (plain,) = await worker.pictures(job())
        (styled,) = await worker.pictures(job(loras=(Lora("style"),)))
        (nothing,) = await worker.pictures(job(loras=(Lora("style", 0.0),)))
        (again,) = await worker.pictures(job())
    assert styled.data != plain.data
    assert nothing.data == plain.data == again.data


async def test_what_cannot_be_loaded_says_why_and_ends(tmp_path: Path) -> None:
    for args in (ARGS, msgspec.structs.replace(ARGS, pipelines={"generate": "UNet2DConditionModel"})):
        with running(tmp_path, args, ready=False) as worker:
            assert worker.process.wait(DEADLINE) == EXIT_LOAD_FAILED
            assert "could not be loaded" in worker.stderr or "no" in worker.stderr


async def test_a_signal_ends_it_in_the_middle_of_a_job(worker: Worker) -> None:
    with running(tiny("stable_diffusion"), ARGS) as mine:
        begun = asyncio.Event()
        call = Call(
            path="/jobs", body=msgspec.json.encode(job("l", steps=5000)), lines=True, heard=lambda line: begun.set()
        )
        cut = asyncio.ensure_future(HttpBackend("diffusers", mine.socket).open(call))
        async with asyncio.timeout(DEADLINE):
            await begun.wait()
            assert await asyncio.to_thread(mine.stop) == 0
            with pytest.raises(BackendError):
                await cut
