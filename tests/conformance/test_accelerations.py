"""What profiles may say beside the class: every plan that runs on a CPU, on tiny weights through the real worker."""

import base64
import io
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from PIL import Image, ImageChops, ImageStat

from backends.diffusers.args import Attention, CacheDit, DiffusersArgs, LoraFile, MagCache, PartClass
from backends.wire.media_job import Artifact, Lora
from tests.conformance.test_image_rows import PICTURES, args_of, cancel_in_the_middle, first_task, job
from tests.diffusers_fixtures import python, running, tiny
from tests.worker_processes import ROOT

pytestmark = [pytest.mark.timeout(300)]
PLANS: dict[str, tuple[str, dict[str, object]]] = {
    "layerwise fp8": ("flux", {"dtype": "bf16", "quantise": {"transformer": "fp8_layerwise"}}),
    "fp8 of a text encoder": ("flux", {"dtype": "bf16", "quantise": {"text_encoder_2": "fp8_layerwise"}}),
    "int8 weights": ("flux", {"dtype": "bf16", "quantise": {"transformer": "int8"}}),
    "group offload": ("flux", {"offload": "group"}),
    "model offload without a card": ("flux", {"offload": "model"}),
    "tiles and slices": ("stable_diffusion", {"vae_tiling": True, "vae_slicing": True}),
    "cache-dit": ("stable_diffusion_3", {"cache": CacheDit(compute_first_blocks=1, warmup=1, threshold=0.5)}),
    "magcache": ("flux", {"cache": MagCache(ratios=(1.0,) * 8)}),
    "a scheduler's settings": ("stable_diffusion_xl", {"scheduler": {"timestep_spacing": "trailing"}}),
    "a native size": ("stable_diffusion", {"native": (32, 32)}),
    "attention as plain arithmetic": ("flux", {"attention": "math"}),
    "compiled blocks": ("flux", {"compile": True}),
    "an encoder left out": ("stable_diffusion_3", {"omit": ("text_encoder_3", "tokenizer_3")}),
}


@pytest.mark.parametrize("plan", PLANS)
async def test_a_plan_makes_the_same_picture_again_also_after_a_cancelled_job(plan: str) -> None:
    name, change = PLANS[plan]
    family = PICTURES[name]
    args = msgspec.structs.replace(args_of(family), **change)
    with running(tiny(name), args, steps=8, guidance=2.0) as worker:
        wanted = job(family, first_task(family), steps=8)
        (before,) = await worker.pictures(wanted)
        assert (before.width, before.height) == family.sides
        await cancel_in_the_middle(worker, job(family, first_task(family), id="cut", steps=200))
        (after,) = await worker.pictures(wanted)
        assert after.data == before.data


async def test_a_denoiser_from_a_gguf_file_draws_nearly_the_same() -> None:
    family = PICTURES["qwen_image"]
    wanted = job(family, "generate", steps=8)
    whole = args_of(family)
    with running(tiny("qwen_image"), whole, steps=8, guidance=2.0) as worker:
        (exact,) = await worker.pictures(wanted)
    from_file = msgspec.structs.replace(whole, quantise={"transformer": "gguf"})
    parts = {"transformer": tiny("qwen_image", "gguf")}
    with running(tiny("qwen_image"), from_file, parts=parts, steps=8, guidance=2.0) as worker:
        (quantised,) = await worker.pictures(wanted)
        await cancel_in_the_middle(worker, job(family, "generate", id="cut", steps=200))
        (again,) = await worker.pictures(wanted)
    assert again.data == quantised.data
    assert quantised.data != exact.data, "the numbers of the file were used"
    assert distance(quantised, exact) < 8, "and they are the same model's"


def test_every_word_for_attention_is_one_of_the_librarys() -> None:
    ask = "from diffusers.models.attention_dispatch import AttentionBackendName as A; print(*(b.value for b in A))"
    done = subprocess.run([str(python()), "-c", ask], capture_output=True, text=True, check=True)
    names = set(done.stdout.split())
    table = "from backends.diffusers.worker.pipeline.load import ATTENTION; print(*ATTENTION, *ATTENTION.values())"
    done = subprocess.run([str(python()), "-c", table], capture_output=True, text=True, check=True, cwd=ROOT)
    words = done.stdout.split()
    half = len(words) // 2
    assert set(words[:half]) == set(get_args(Attention))
    assert set(words[half:]) <= names
    assert not any(word.endswith("_hub") for word in words), "those are downloaded"


async def test_refining_with_wan_loads_the_low_noise_expert_only(tmp_path: Path) -> None:
    """In the place of the first: 40 instead of 69 GB of the real one. The other one is not even there."""
    folder, family = tiny("wan"), PICTURES["wan"]
    args = DiffusersArgs(
        pipelines={"vary": "WanVideoToVideoPipeline"},
        dtype="fp32",
        parts={"transformer": PartClass(class_name="WanTransformer3DModel", subfolder="transformer_2")},
        omit=("transformer_2",),
        threads=1,
    )
    rest, low = tmp_path / "rest", tmp_path / "low"  # as the profile has them fetched
    shutil.copytree(folder, rest, ignore=shutil.ignore_patterns("transformer", "transformer_2"))
    shutil.copytree(folder / "transformer_2", low / "transformer_2")
    with running(rest, args, parts={"transformer": low}, steps=4, guidance=2.0) as refine:
        (refined,) = await refine.pictures(job(family, "vary"))
    first = msgspec.structs.replace(args, parts={}, pipelines={"vary": "WanVideoToVideoPipeline"})
    with running(folder, first, steps=4, guidance=2.0) as other:
        (unrefined,) = await other.pictures(job(family, "vary"))
    assert refined.data != unrefined.data, "another expert"


async def test_a_lora_that_is_always_on_needs_no_asking() -> None:
    folder, family = tiny("stable_diffusion"), PICTURES["stable_diffusion"]
    parts = {"style": tiny("stable_diffusion", "lora")}
    args = msgspec.structs.replace(args_of(family), loras={"style": LoraFile(part="style")})
    with running(folder, args, parts=parts, steps=4, guidance=2.0) as asked:
        (by_name,) = await asked.pictures(job(family, "generate", loras=(Lora("style"),)))
    always = msgspec.structs.replace(args, loras={"style": LoraFile(part="style", always=True)})
    with running(folder, always, parts=parts, steps=4, guidance=2.0) as worker:
        (by_itself,) = await worker.pictures(job(family, "generate"))
    assert by_itself.data == by_name.data


async def test_what_is_offloaded_by_its_plan_has_nowhere_to_go() -> None:
    family = PICTURES["flux"]
    args = msgspec.structs.replace(args_of(family), offload="group")
    with running(tiny("flux"), args, steps=4, guidance=2.0) as worker:
        (before,) = await worker.pictures(job(family, "generate"))
        async with worker.client() as client:
            assert (await client.post("/offload")).status_code == 200
            assert (await client.post("/onload")).status_code == 200
        (after,) = await worker.pictures(job(family, "generate"))
        assert after.data == before.data


def distance(one: Artifact, other: Artifact) -> float:
    """Mean difference of two pictures, in steps of a channel (0 to 255)."""
    first, second = (Image.open(io.BytesIO(base64.b64decode(each.data))).convert("RGB") for each in (one, other))
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3
