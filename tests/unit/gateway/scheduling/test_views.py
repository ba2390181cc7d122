"""What operators see, in numbers that can be added up."""

import asyncio

from backends.contract import DeviceShare
from gateway.scheduling.device import HOST
from gateway.scheduling.policy import GIB, Policy
from gateway.scheduling.views import devices, queued, residents
from gateway.scheduling.wanted import Wanted
from tests.fakes.effects import NO_HEADROOM, model
from tests.fakes.runtime_stage import RuntimeStage, turns, until

A, B = model("alpha:q8", 6, slots=2), model("beta:q4", 6)


async def test_nothing_is_there_at_first() -> None:
    stage = RuntimeStage()
    assert residents(stage.runtime, stage.clock.now) == []
    assert queued(stage.runtime, stage.clock.now) == []


async def test_a_model_on_its_way_is_shown_without_a_process() -> None:
    stage = RuntimeStage()
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await until(lambda: bool(stage.launcher.begun))
    stage.clock.now += 2.5
    (shown,) = residents(stage.runtime, stage.clock.now)
    assert (shown.model, shown.variant, shown.state) == ("alpha:q8", "q8", "starting")
    assert (shown.pid, shown.log_tail, shown.in_flight, shown.queued, shown.state_seconds) == (None, "", 0, 1, 2.5)
    assert (shown.device_bytes, shown.devices) == (6 * GIB, [HOST])
    waiting.cancel()
    await turns()


async def test_a_resident_is_shown_with_its_work_its_process_and_its_idle_time() -> None:
    stage = RuntimeStage()
    engine = await stage.resident(A)
    lease = stage.runtime.acquire_now(A)
    assert lease is not None
    stage.clock.now += 10
    (shown,) = residents(stage.runtime, stage.clock.now)
    assert (shown.state, shown.in_flight, shown.slots, shown.pinned) == ("ready", 1, 2, False)
    assert (shown.pid, shown.log_tail) == (engine.pid, "last words of alpha:q8")
    assert shown.idle_seconds == 0, "what works is not idle"
    lease.release()
    stage.clock.now += 4
    (shown,) = residents(stage.runtime, stage.clock.now)
    assert (shown.in_flight, shown.idle_seconds) == (0, 4)


async def test_what_is_unloaded_while_it_works_is_shown_as_draining() -> None:
    stage = RuntimeStage()
    await stage.resident(A)
    lease = stage.runtime.acquire_now(A)
    assert lease is not None
    assert stage.runtime.unload(A.variant_id)
    (shown,) = residents(stage.runtime, stage.clock.now)
    assert (shown.state, shown.in_flight) == ("draining", 1)
    lease.release()
    (shown,) = residents(stage.runtime, stage.clock.now)
    assert shown.state == "stopping"


async def test_the_queue_is_shown_in_order_with_waits() -> None:
    stage = RuntimeStage(gib=10)
    await stage.resident(A)
    leases = [stage.runtime.acquire_now(A) for _ in range(2)]
    assert None not in leases
    tasks = [asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "first", 60))]
    await turns()
    stage.clock.now += 3
    tasks.append(asyncio.create_task(stage.runtime.acquire(Wanted(target=B), "second", 60)))
    await turns()
    first, second = queued(stage.runtime, stage.clock.now)
    assert (first.model, first.variant, first.key, first.waited) == ("alpha:q8", "q8", "first", 3)
    assert (second.model, second.variant, second.key, second.waited) == ("beta:q4", "q4", "second", 0)
    assert second.predicted_wait >= 30, "its load, at least"
    for task in tasks:
        task.cancel()
    await turns()
    assert queued(stage.runtime, stage.clock.now) == []


async def test_devices_add_up() -> None:
    stage = RuntimeStage(gib=20)
    await stage.resident(A)
    (shown,) = devices(stage.runtime, NO_HEADROOM)
    assert (shown.id, shown.healthy) == (HOST, True)
    assert (shown.total_bytes, shown.foreign_bytes, shown.reserved_bytes) == (20 * GIB, 0, 6 * GIB)
    assert shown.usable_bytes == 20 * GIB
    (with_headroom,) = devices(stage.runtime, Policy())
    assert with_headroom.usable_bytes == Policy().usable(stage.runtime.scheduler.inventory.devices[0]) < 20 * GIB
    occupant = stage.runtime.scheduler.occupants.get("alpha:q8")
    assert occupant is not None
    occupant.shares = (DeviceShare(HOST, GIB), DeviceShare("gpu7", 5 * GIB))
    (shown,) = devices(stage.runtime, NO_HEADROOM)
    assert shown.reserved_bytes == GIB, "what lies on another device is not counted here"
