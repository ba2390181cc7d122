"""Every open video row that diffusers serves: its classes end to end through the real worker, on tiny random weights.

For each family: every task, its files and what is in them, progress, a LoRA that leaves no trace, a cancelled job, and
the same clip again after it. What is in a file is read in the engine's environment (``tests/contract``).
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from PIL import Image

from backends.diffusers.args import DiffusersArgs, LoraFile
from backends.errors import BackendError
from backends.wire.media_job import Artifact, Done, Lora, MediaJob, MediaTask, Output, Source, Stage, Step
from tests.conformance.test_image_rows import cancel_in_the_middle, picture
from tests.diffusers_fixtures import Worker, running, tiny
from tests.tiny_models.clip_families import CLIPS
from tests.tiny_models.family import Family

pytestmark = [pytest.mark.timeout(300)]
STEPS = 3
FPS = 8.0


@pytest.fixture(scope="module", params=CLIPS, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


@pytest.fixture(scope="module")
def worker(family: Family) -> Iterator[Worker]:
    parts = {"style": tiny(family.name, "lora")} if family.lora else {}
    with running(tiny(family.name), args_of(family), parts=parts, steps=STEPS, guidance=2.0) as started:
        yield started


def args_of(family: Family) -> DiffusersArgs:
    return DiffusersArgs(
        pipelines=cast("dict[MediaTask, str]", family.pipelines),
        dtype="fp32",
        call=cast("dict[str, Any]", family.call),
        guidance_argument=family.guidance[0],
        loras={"style": LoraFile(part="style")} if family.lora else {},
        vae_tiling=family.tiled,
        threads=1,
    )


def first_task(family: Family) -> MediaTask:
    """The first that needs no clip."""
    return cast("MediaTask", next(iter(family.pipelines)))


def job(family: Family, task: MediaTask, folder: Path, **fields: Any) -> MediaJob:
    width, height = family.sides
    given: dict[str, Any] = {"id": task, "task": task, "prompt": "a cat", "width": width, "height": height}
    given |= {"seeds": (7,), "frames": family.frames, "fps": FPS, "output": Output(folder=str(folder))}
    given["steps"] = STEPS if task != "restyle" else 2 * STEPS
    if task == "animate":
        given["images"] = (picture(width, height),)
    if task == "restyle":
        given |= {"clip": Source(path=str(folder / "source-0.mp4")), "strength": 0.6}
    return MediaJob(**(given | fields))


async def filmed(worker: Worker, wanted: MediaJob) -> Artifact:
    """The clip itself."""
    return next(each for each in await worker.pictures(wanted) if each.role == "clip")


async def test_every_task_it_claims(family: Family, worker: Worker, tmp_path: Path) -> None:
    whole = family.whole_frames or family.frames
    if "restyle" in family.pipelines:
        await filmed(worker, job(family, first_task(family), tmp_path, id="source"))
    for name in family.pipelines:
        task = cast("MediaTask", name)
        events = await worker.run(job(family, task, tmp_path))
        made = {event.role: event for event in events if isinstance(event, Artifact)}
        assert set(made) == {"clip", "thumbnail", "sheet"}, task
        for each in made.values():
            raw = Path(each.path).read_bytes()
            assert (each.bytes, each.sha256) == (len(raw), hashlib.sha256(raw).hexdigest()), task
        clip = made["clip"]
        assert (clip.width, clip.height) == family.sides, task
        assert (clip.frames, clip.fps, clip.sound) == (whole, FPS, family.audio), task
        for role in ("thumbnail", "sheet"):
            with Image.open(made[role].path) as found:
                assert found.size == (made[role].width, made[role].height), (task, role)
        percents = [event.percent for event in events if isinstance(event, Stage | Step)]
        assert percents == sorted(percents), task
        assert percents[-1] == 100.0
        steps = [(event.i, event.n) for event in events if isinstance(event, Step)]
        assert steps == sorted(steps), task
        assert steps[-1][0] == steps[-1][1], task
        assert isinstance(events[-1], Done)
        again = await filmed(worker, job(family, task, tmp_path, id="again"))
        assert again.pixels_sha256 == clip.pixels_sha256, f"{task}: the same seed, the same clip"
        other = await filmed(worker, job(family, task, tmp_path, id="other", seeds=(8,)))
        assert other.pixels_sha256 != clip.pixels_sha256, task


async def test_a_clip_is_silent_when_no_sound_is_wanted(family: Family, worker: Worker, tmp_path: Path) -> None:
    silent = await filmed(worker, job(family, first_task(family), tmp_path, sound=False))
    assert not silent.sound


async def test_a_lora_changes_it_and_leaves_no_trace(family: Family, worker: Worker, tmp_path: Path) -> None:
    task = first_task(family)
    if not family.lora:
        with pytest.raises(BackendError, match="no LoRA of that name"):
            await worker.pictures(job(family, task, tmp_path, loras=(Lora("style"),)))
        return
    plain = await filmed(worker, job(family, task, tmp_path))
    styled = await filmed(worker, job(family, task, tmp_path, id="styled", loras=(Lora("style"),)))
    again = await filmed(worker, job(family, task, tmp_path, id="again"))
    assert styled.pixels_sha256 != plain.pixels_sha256
    assert again.pixels_sha256 == plain.pixels_sha256


async def test_cancelled_at_a_step_it_leaves_no_file_and_no_trace(
    family: Family, worker: Worker, tmp_path: Path
) -> None:
    task = first_task(family)
    before = await filmed(worker, job(family, task, tmp_path))
    await cancel_in_the_middle(worker, job(family, task, tmp_path, id="cut", steps=200))
    after = await filmed(worker, job(family, task, tmp_path, id="after"))
    assert after.pixels_sha256 == before.pixels_sha256
    assert not list(tmp_path.glob("*cut*"))


@pytest.mark.parametrize("name", ["wan_i2v", "framepack"])
async def test_a_clip_between_two_pictures(name: str, tmp_path: Path) -> None:
    family = next(each for each in CLIPS if each.name == name)
    with running(tiny(name), msgspec.structs.replace(args_of(family), loras={}), steps=STEPS, guidance=2.0) as worker:
        open_end = await filmed(worker, job(family, "animate", tmp_path))
        last = picture(*family.sides, seed=200)
        closed = await filmed(worker, job(family, "animate", tmp_path, id="closed", last=last))
        assert closed.pixels_sha256 != open_end.pixels_sha256


@pytest.mark.parametrize("name", ["wan_i2v", "framepack", "ltx2"])
async def test_a_clip_goes_on_where_another_ends(name: str, tmp_path: Path) -> None:
    family = next(each for each in CLIPS if each.name == name)
    with running(tiny(name), msgspec.structs.replace(args_of(family), loras={}), steps=STEPS, guidance=2.0) as worker:
        first = await filmed(worker, job(family, "animate", tmp_path))
        goes_on = {"clip": Source(path=first.path), "images": ()}
        longer = await filmed(worker, job(family, "animate", tmp_path, id="longer", **goes_on))
        assert longer.frames == 2 * first.frames - 1, "the picture where they meet is shown once"
        assert (longer.width, longer.height, longer.sound) == (first.width, first.height, family.audio)
        again = await filmed(worker, job(family, "animate", tmp_path, id="again", **goes_on))
        assert again.pixels_sha256 == longer.pixels_sha256
        with pytest.raises(BackendError) as refused:
            await worker.run(job(family, "animate", tmp_path, clip=Source(path=str(tmp_path / "none.mp4")), images=()))
        assert refused.value.param == "clip"


async def test_what_a_clip_needs_is_said_by_name(tmp_path: Path) -> None:
    family = next(each for each in CLIPS if each.name == "cogvideox")
    with running(tiny("cogvideox"), msgspec.structs.replace(args_of(family), loras={}), steps=STEPS) as worker:
        wanted = job(family, "generate", tmp_path)
        for change, param in (
            ({"output": Output()}, "output"),
            ({"task": "animate", "images": (picture(32, 32),)}, "task"),
            ({"task": "restyle"}, "clip"),
            ({"task": "restyle", "clip": Source(path=str(tmp_path / "none.mp4"))}, "clip"),
        ):
            with pytest.raises(BackendError) as refusal:
                await worker.pictures(msgspec.structs.replace(wanted, **change))
            assert refusal.value.param == param
        (tmp_path / "not-a-folder").write_text("")
        with pytest.raises(BackendError, match="could not be written"):
            await worker.pictures(msgspec.structs.replace(wanted, output=Output(folder=str(tmp_path / "not-a-folder"))))
        assert (await filmed(worker, wanted)).frames == family.frames


async def test_each_of_two_experts_has_an_adapter_of_its_own(tmp_path: Path) -> None:
    """As in few-step variants of Wan 2.2; ``always``: no job asks for them."""
    family, parts = next(each for each in CLIPS if each.name == "wan_i2v"), {"style": tiny("wan_i2v", "lora")}
    high = LoraFile(part="style", always=True)
    low = LoraFile(part="style", always=True, into="transformer_2")
    made: dict[str, str] = {}
    for loras in ({}, {"high": high}, {"low": low}, {"high": high, "low": low}):
        args = msgspec.structs.replace(args_of(family), loras=loras)
        with running(tiny("wan_i2v"), args, parts=parts, steps=STEPS, guidance=2.0) as worker:
            for name in ("first", "again"):
                clip = await filmed(worker, job(family, "animate", tmp_path, id="-".join((*loras, name))))
                assert made.setdefault("-".join(loras), clip.pixels_sha256) == clip.pixels_sha256
    assert len(set(made.values())) == 4


async def test_a_model_of_one_size_gives_other_sizes_too(tmp_path: Path) -> None:
    """CogVideoX from a picture refuses every size but its own: it is scaled from that."""
    family = next(each for each in CLIPS if each.name == "cogvideox_i2v")
    plain = msgspec.structs.replace(args_of(family), loras={})
    wider = job(family, "animate", tmp_path, width=160, height=64, images=(picture(160, 64),))
    with running(tiny(family.name), plain, steps=STEPS, guidance=2.0) as worker, pytest.raises(BackendError):
        await worker.pictures(wider)
    native = msgspec.structs.replace(plain, native=family.sides)
    with running(tiny(family.name), native, steps=STEPS, guidance=2.0) as worker:
        made = await filmed(worker, wider)
    assert (made.width, made.height, made.frames) == (160, 64, family.frames)
