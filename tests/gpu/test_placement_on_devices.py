"""Placement on real memory: models that do not fit together take turns on a device, as its own readings show.

On host RAM everywhere; on an NVIDIA card with ``pytest -m gpu -s``, which prints predicted against measured bytes.
"""

import asyncio
import os

import pytest

from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.limits import Limits
from gateway.scheduling.machine import Machine
from gateway.scheduling.policy import Policy
from gateway.scheduling.probe import Ours, Probe, ProcessUse
from gateway.scheduling.probe_host import HostProbe
from gateway.scheduling.probe_nvidia import NvidiaProbe
from gateway.scheduling.probes import Probes
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.target import Target
from gateway.scheduling.wanted import Wanted
from gateway.telemetry.metrics import Metrics
from tests.gpu.engines import HoldingLauncher

MIB = 1024**2
CONTEXT_BYTES = 1536 * MIB
"""What a process takes of a card besides what it asks for, at most."""


def first_card() -> Device:
    """The first card here, or a skip."""
    gpus = NvidiaProbe().read(Ours()).inventory.gpus
    if not gpus:
        pytest.skip("no NVIDIA GPU is here")
    return gpus[0]


async def take_turns(probe: Probe, size: int, device_id: str) -> tuple[list[str], list[ProcessUse], int]:
    """Two models of ``size`` bytes asked for in turn by many: loads in order, uses seen meanwhile, most at once."""
    launcher = HoldingLauncher()
    machine = Machine(probe)
    runtime = Runtime(launcher, machine, Metrics("test"), Limits(), Policy())
    runs_on = "any" if device_id == HOST else "gpu"
    twins = [
        Target(variant_id=f"{n}:x", profile_id=n, device_bytes=size, slots=4, load_seconds=1, runs_on=runs_on)
        for n in "ab"
    ]
    seen: list[ProcessUse] = []
    together = 0

    async def ask(target: Target) -> None:
        nonlocal together
        lease = await runtime.acquire(Wanted(target=target), "k", 120)
        together = max(together, len(runtime.running))
        pids = runtime.running[target.variant_id].pids()
        seen.extend(use for use in probe.read(Ours(pids=pids)).used if use.pid in pids)
        lease.release()

    ticking = asyncio.create_task(runtime.run())
    try:
        await asyncio.gather(*(ask(twins[number % 2]) for number in range(24)))
        for number in range(4):
            await ask(twins[number % 2])
    finally:
        ticking.cancel()
        await runtime.aclose()
    return launcher.begun, seen, together


async def test_host_ram_takes_one_at_a_time() -> None:
    begun, _, together = await take_turns(HostProbe(300 * MIB), 200 * MIB, HOST)
    assert set(begun) == {"a:x", "b:x"}
    assert 3 <= len(begun) <= 12
    assert together == 1, "they do not fit together"


@pytest.mark.gpu
async def test_a_card_takes_one_at_a_time() -> None:
    card = first_card()
    size = int((Policy().usable(card) - CONTEXT_BYTES) * 0.6)
    probe = Probes((NvidiaProbe(), HostProbe()))
    before = probe.read(Ours()).inventory.get(card.id)
    begun, seen, together = await take_turns(probe, size, card.id)
    after = probe.read(Ours()).inventory.get(card.id)
    assert together == 1
    assert 3 <= len(begun) <= 12
    for use in seen[:2]:
        share = use.bytes / size
        print(f"\n{card.name}: predicted {size / MIB:.0f} MiB, measured {use.bytes / MIB:.0f} MiB ({share:.3f})")
    assert all(size <= use.bytes <= size + CONTEXT_BYTES for use in seen), "where the driver tells of processes"
    assert before is not None
    assert after is not None
    assert abs(after.foreign_bytes - before.foreign_bytes) < CONTEXT_BYTES, "everything came back"


@pytest.mark.gpu
def test_the_inventory_is_what_the_card_says() -> None:
    card = first_card()
    assert card.id.startswith(("GPU-", "MIG-"))
    assert 0 <= card.foreign_bytes < card.total_bytes
    assert card.healthy


@pytest.mark.gpu
async def test_what_others_hold_is_foreign_until_it_is_ours() -> None:
    card = first_card()
    launcher = HoldingLauncher()
    from backends.contract import DeviceShare
    from gateway.scheduling.decision import Placement

    target = Target(variant_id="x", profile_id="x", device_bytes=512 * MIB)
    running = await launcher.launch(target, Placement(variant_id="x", shares=(DeviceShare(card.id, 512 * MIB),)))
    try:
        probe = NvidiaProbe()
        foreign = probe.read(Ours()).inventory.get(card.id)
        ours = probe.read(Ours(pids=running.pids(), bytes={card.id: 512 * MIB})).inventory.get(card.id)
        assert foreign is not None
        assert ours is not None
        assert foreign.foreign_bytes - ours.foreign_bytes >= 500 * MIB
    finally:
        await running.stop()


def test_a_machine_without_cards_says_so_at_once() -> None:
    hidden = NvidiaProbe(environment={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    assert hidden.read(Ours()).inventory == Inventory(())
