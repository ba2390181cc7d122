"""What needs a card: 4 bits, kernels for attention, offload by block, each through the real worker on tiny weights.

``pytest -m gpu -s`` prints the peak of each. The engine's environment must have torch with CUDA.
"""

import subprocess

import msgspec
import pytest

from backends.contract import DeviceShare
from backends.diffusers.args import DiffusersArgs
from backends.wire.media_job import Done
from tests.conformance.test_image_rows import PICTURES, args_of, cancel_in_the_middle, first_task, job
from tests.diffusers_fixtures import Worker, python, running, tiny
from tests.gpu.test_placement_on_devices import first_card

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(600)]
PLANS: dict[str, dict[str, object]] = {
    "bf16": {"dtype": "bf16"},
    "nf4 of the denoiser": {"dtype": "bf16", "quantise": {"transformer": "nf4"}},
    "nf4 of both": {"dtype": "bf16", "quantise": {"transformer": "nf4", "text_encoder_2": "nf4"}},
    "int8": {"dtype": "bf16", "quantise": {"transformer": "int8"}},
    "layerwise fp8": {"dtype": "bf16", "quantise": {"transformer": "fp8_layerwise"}},
    "compiled blocks": {"dtype": "bf16", "compile": True},
    "attention by cudnn": {"dtype": "bf16", "attention": "cudnn"},
    "attention that saves memory": {"dtype": "bf16", "attention": "efficient"},
    "offload by component": {"dtype": "bf16", "offload": "model"},
    "offload by block": {"dtype": "bf16", "offload": "group"},
}


@pytest.fixture
def share() -> DeviceShare:
    """All of the first card, or a skip that says what is missing."""
    card = first_card()
    has_cuda = subprocess.run([str(python()), "-c", "import torch; raise SystemExit(not torch.cuda.is_available())"])
    if has_cuda.returncode:
        pytest.skip("the engine's torch is not for this card")
    return DeviceShare(device_id=card.id, bytes=card.total_bytes)


async def peak(worker: Worker, args: DiffusersArgs) -> int:
    """Bytes that the worker says a picture took at most."""
    events = await worker.run(job(PICTURES["flux"], "generate", id="peak", steps=8))
    (done,) = (event for event in events if isinstance(event, Done))
    assert done.memory.device_peak_bytes > 0, args
    return done.memory.device_peak_bytes


@pytest.mark.parametrize("plan", PLANS)
async def test_a_plan_on_a_card_makes_the_same_picture_after_a_cancelled_job(plan: str, share: DeviceShare) -> None:
    family = PICTURES["flux"]
    args = msgspec.structs.replace(args_of(family), **PLANS[plan], threads=None)
    with running(tiny("flux"), args, steps=8, guidance=2.0, shares=(share,)) as worker:
        wanted = job(family, first_task(family), steps=8)
        (before,) = await worker.pictures(wanted)
        assert (before.width, before.height) == family.sides
        await cancel_in_the_middle(worker, job(family, first_task(family), id="cut", steps=400))
        (after,) = await worker.pictures(wanted)
        assert after.data == before.data
        print(f"{plan}: {await peak(worker, args) / 2**20:.1f} MiB at most")


async def test_a_picture_moves_to_host_memory_and_back(share: DeviceShare) -> None:
    family = PICTURES["flux"]
    args = msgspec.structs.replace(args_of(family), dtype="bf16", threads=None)
    with running(tiny("flux"), args, steps=8, guidance=2.0, shares=(share,)) as worker:
        (before,) = await worker.pictures(job(family, "generate"))
        async with worker.client() as client:
            awake = (await client.get("/memory")).json()["device_bytes"]
            assert (await client.post("/offload")).status_code == 200
            asleep = (await client.get("/memory")).json()["device_bytes"]
            assert (await client.post("/onload")).status_code == 200
        (after,) = await worker.pictures(job(family, "generate"))
    assert asleep < awake
    assert after.data == before.data
