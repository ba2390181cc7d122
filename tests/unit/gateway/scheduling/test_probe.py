"""Readings of this machine, and readings that hang."""

import asyncio
import threading
from pathlib import Path

import psutil
import pytest

from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.probe import Ours, Reading, Readings
from gateway.scheduling.probe_host import HostProbe

GIB = 1 << 30
NOWHERE = Path("/nowhere")


class Memory:
    def __init__(self, total: int, available: int) -> None:
        self.total = total * GIB
        self.available = available * GIB


@pytest.mark.parametrize(
    ("limit", "own", "total", "foreign"),
    [
        (None, 0, 32, 12),
        (None, 5, 32, 7),
        (None, 20, 32, 0),
        (8, 0, 20, 12),
        (8, 5, 15, 7),
        (100, 0, 32, 12),
        (0, 0, 12, 12),
    ],
)
def test_what_others_hold_is_theirs_and_the_limit_bounds_what_is_ours(
    limit: int | None, own: int, total: int, foreign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(32, 20))
    (device,) = (
        HostProbe(None if limit is None else limit * GIB, NOWHERE).read(Ours(bytes={HOST: own * GIB})).inventory.devices
    )
    assert device.id == HOST
    assert device.name
    assert device.healthy
    assert (device.total_bytes, device.foreign_bytes) == (total * GIB, foreign * GIB)


def test_this_machine_has_memory() -> None:
    (device,) = HostProbe().read(Ours()).inventory.devices
    assert 0 < device.foreign_bytes < device.total_bytes


class Scripted:
    """A probe that waits for ``door`` and then says ``says``."""

    def __init__(self, says: Reading | Exception) -> None:
        self.says = says
        self.door = threading.Event()
        self.threads: list[threading.Thread] = []

    def read(self, ours: Ours) -> Reading:
        self.threads.append(threading.current_thread())
        self.door.wait(20)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


HERE = Reading(Inventory((Device(id=HOST, name="cpu", total_bytes=GIB),)))


async def test_a_reading_is_taken_in_a_thread_that_keeps_nobody_from_ending() -> None:
    probe = Scripted(HERE)
    probe.door.set()
    assert await Readings(probe).take(Ours(), 20) is HERE
    assert probe.threads[0] is not threading.main_thread()
    assert probe.threads[0].daemon


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("driver")])
async def test_its_failure_is_the_callers(error: Exception) -> None:
    probe = Scripted(error)
    probe.door.set()
    with pytest.raises(type(error)):
        await Readings(probe).take(Ours(), 20)


async def test_one_that_hangs_costs_one_thread_however_often_it_is_asked() -> None:
    probe = Scripted(HERE)
    readings = Readings(probe)
    with pytest.raises(TimeoutError):
        await readings.take(Ours(), 0.01)
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await readings.take(Ours(), 20)
    assert len(probe.threads) == 1
    probe.door.set()
    await asyncio.to_thread(probe.threads[0].join, 20)
    assert await readings.take(Ours(), 20) is HERE, "and it recovers"


@pytest.mark.parametrize("turns", range(5))
async def test_a_cancellation_is_never_lost_to_a_result(turns: int) -> None:
    probe = Scripted(HERE)
    task = asyncio.create_task(Readings(probe).take(Ours(), 20))
    while not probe.threads:
        await asyncio.sleep(0)
    probe.door.set()
    probe.threads[0].join(20)
    for _ in range(turns):
        await asyncio.sleep(0)
    late = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() is not late
