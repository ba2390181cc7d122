"""NVIDIA cards as NVML tells of them: foreign memory, slices, failures, and what CUDA would see."""

import pytest

from gateway.scheduling.device import Device
from gateway.scheduling.probe import Ours, ProcessUse
from gateway.scheduling.probe_nvidia import NvidiaProbe, visible
from tests.fakes.nvml import MIB, Card, FakeNvml, Process

OURS = Ours(pids=frozenset((7, 8)), bytes={"GPU-a": 5000 * MIB})


def read(nvml: FakeNvml, ours: Ours = OURS, **environment: str):
    return NvidiaProbe(nvml, environment).read(ours)


def test_no_driver_no_cards_and_no_complaint() -> None:
    nvml = FakeNvml(driver=False)
    assert read(nvml).inventory.devices == ()


def test_the_library_is_opened_once() -> None:
    nvml = FakeNvml(Card("GPU-a"))
    probe = NvidiaProbe(nvml, {})
    probe.read(OURS)
    probe.read(OURS)
    assert nvml.opened == 1


def test_what_others_hold_is_foreign_what_ours_hold_is_not() -> None:
    compute = [Process(7, 3000 * MIB), Process(99, 2000 * MIB)]
    card = Card("GPU-a", used=5500 * MIB, compute=compute, graphics=[Process(7, 3000 * MIB), Process(8, 400 * MIB)])
    reading = read(FakeNvml(card))
    (device,) = reading.inventory.devices
    assert (device.id, device.vendor, device.total_bytes) == ("GPU-a", "nvidia", 80_000 * MIB)
    assert device.foreign_bytes == (5500 + 600 - 3400) * MIB, "the driver's own part is nobody's of ours"
    assert reading.used == (ProcessUse(7, "GPU-a", 3000 * MIB), ProcessUse(8, "GPU-a", 400 * MIB))


def test_where_processes_are_hidden_the_plan_counts() -> None:
    (device,) = read(FakeNvml(Card("GPU-a", used=9000 * MIB))).inventory.devices
    assert device.foreign_bytes == (9000 + 600 - 5000) * MIB
    (device,) = read(FakeNvml(Card("GPU-a", used=1000 * MIB, compute=[Process(7, None)]))).inventory.devices
    assert device.foreign_bytes == 0, "never less than nothing"


def test_an_old_driver_counts_its_part_as_used() -> None:
    (device,) = read(FakeNvml(Card("GPU-b", used=100 * MIB), old=True)).inventory.devices
    assert device.foreign_bytes == 700 * MIB


def test_slices_stand_for_their_card() -> None:
    name = "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    slices = [Card("MIG-1", name, 9856 * MIB), None, Card("MIG-2", name, 9856 * MIB, used=50 * MIB)]
    first, second, other = read(FakeNvml(Card("GPU-a", slices=slices), Card("GPU-b"))).inventory.devices
    assert [first.id, second.id, other.id] == ["MIG-1", "MIG-2", "GPU-b"]
    assert (first.partition, other.partition) == ("1g.10gb", None)
    assert first.name == "NVIDIA H100 80GB HBM3"


def test_a_card_that_falls_off_the_bus_is_unhealthy_and_the_others_are_not() -> None:
    lost = Card("GPU-a")
    probe = NvidiaProbe(FakeNvml(lost, Card("GPU-b")), {})
    assert [device.healthy for device in probe.read(OURS).inventory.devices] == [True, True]
    lost.broken = True
    assert [(d.id, d.healthy) for d in probe.read(OURS).inventory.devices] == [("GPU-a", False), ("GPU-b", True)]
    lost.broken = False
    assert all(device.healthy for device in probe.read(OURS).inventory.devices)


def test_one_that_was_never_read_is_not_listed() -> None:
    assert [d.id for d in read(FakeNvml(Card("GPU-a", broken=True), Card("GPU-b"))).inventory.devices] == ["GPU-b"]


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, "abc"),
        ("0,1,2", "abc"),
        ("2,0", "ca"),
        ("GPU-c, GPU-a", "ca"),
        ("1", "b"),
        ("", ""),
        ("-1", ""),
        ("0,9,1", "a"),
        ("0,0,1", "a"),
        ("GPU-x", ""),
    ],
)
def test_cards_are_chosen_as_cuda_does(chosen: str | None, seen: str) -> None:
    cards = [Device(id=f"GPU-{letter}", name="x", total_bytes=1) for letter in "abc"]
    assert "".join(device.id[-1] for device in visible(cards, chosen)) == seen
    nvml = FakeNvml(*(Card(f"GPU-{letter}") for letter in "abc"))
    found = read(nvml) if chosen is None else read(nvml, CUDA_VISIBLE_DEVICES=chosen)
    assert "".join(device.id[-1] for device in found.inventory.devices) == seen
