"""What profiles may say beside the class: every plan that runs on a CPU, on tiny weights through the real worker."""

import msgspec
import pytest

from backends.diffusers.args import CacheDit, DiffusersArgs, LoraFile, MagCache, PartClass
from backends.wire.media_job import Lora
from tests.conformance.test_image_rows import PICTURES, args_of, cancel_in_the_middle, first_task, job
from tests.diffusers_fixtures import running, tiny

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


async def test_refining_with_wan_loads_the_low_noise_expert_only() -> None:
    """In the place of the first: 40 instead of 69 GB of the real one."""
    folder, family = tiny("wan"), PICTURES["wan"]
    args = DiffusersArgs(
        pipelines={"vary": "WanVideoToVideoPipeline"},
        dtype="fp32",
        parts={"transformer": PartClass(class_name="WanTransformer3DModel", subfolder="transformer_2")},
        omit=("transformer_2",),
        threads=1,
    )
    with running(folder, args, parts={"transformer": folder}, steps=4, guidance=2.0) as refine:
        (refined,) = await refine.pictures(job(family, "vary"))
    first = msgspec.structs.replace(args, parts={}, pipelines={"vary": "WanVideoToVideoPipeline"})
    with running(folder, first, steps=4, guidance=2.0) as other:
        (unrefined,) = await other.pictures(job(family, "vary"))
    assert refined.data != unrefined.data, "another expert"


async def test_a_lora_that_is_always_on_needs_no_asking() -> None:
    folder, family = tiny("stable_diffusion"), PICTURES["stable_diffusion"]
    parts = {"style": tiny("stable_diffusion", lora=True)}
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
