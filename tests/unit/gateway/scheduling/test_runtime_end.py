"""The kernel around the scheduler: the operator, ticks, probes, drain and the end."""

import asyncio
import logging

import pytest

from backends.errors import BackendError, Cause
from gateway.scheduling.limits import Limits
from gateway.scheduling.policy import GIB
from gateway.scheduling.wanted import Wanted
from tests.fakes.effects import model
from tests.fakes.launcher import FakeProbe
from tests.fakes.runtime_stage import RuntimeStage, turns, until

A, B = model("a"), model("b")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick takes a turn of the loop, and every one of them probes."""
    monkeypatch.setattr("gateway.scheduling.runtime._TICK", 0.0)
    monkeypatch.setattr("gateway.scheduling.runtime._PROBE_EVERY", 1)


# --- the operator, ticks and probes -----------------------------------------------------------------------------------


async def test_loading_by_hand_pins_if_asked_and_holds_no_slot() -> None:
    stage = RuntimeStage(20, at_once=True)
    await stage.runtime.load(A, 60, pin=True)
    await stage.runtime.load(B, 60, pin=False)
    pinned = {o.target.variant_id: o.pinned for o in stage.runtime.scheduler.occupants}
    assert pinned == {"a": True, "b": False}
    assert stage.runtime.scheduler.in_flight == 0
    await stage.runtime.load(A, 60, pin=False)
    assert stage.launcher.begun == ["a", "b"]


async def test_ticks_unload_what_is_idle_and_refuse_what_waited_too_long() -> None:
    stage = RuntimeStage(limits=Limits(idle_unload=50))
    await stage.resident(A)
    holder = stage.runtime.acquire_now(A)
    assert holder is not None
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 30))
    async with stage.ticking():
        await turns()
        stage.clock.now += 31
        with pytest.raises(BackendError) as caught:
            await waiting
        assert caught.value.cause is Cause.NO_CAPACITY
        holder.release()
        stage.clock.now += 51
        await until(lambda: stage.state(A) is None)


async def test_probes_tell_the_scheduler_and_count_our_own_memory() -> None:
    stage = RuntimeStage(at_once=True)
    stage.launcher.memory["a"] = 3 * GIB
    await stage.resident(A)
    stage.probe.inventory = FakeProbe(40 * GIB).inventory
    async with stage.ticking():
        await until(lambda: stage.runtime.scheduler.inventory is stage.probe.inventory)
        assert stage.probe.ours[-1].bytes["cpu"] == 3 * GIB == stage.machine.own_bytes()
        stage.runtime.unload("a")
        await until(lambda: stage.probe.ours[-1].bytes["cpu"] == 0)


async def test_a_probe_that_fails_leaves_the_last_reading_and_the_ticks_alone(caplog: pytest.LogCaptureFixture) -> None:
    stage = RuntimeStage(at_once=True, limits=Limits(idle_unload=50))
    await stage.resident(A)
    before = stage.runtime.scheduler.inventory
    stage.probe.error = RuntimeError("the driver is gone")
    caplog.set_level(logging.WARNING, "forebay.scheduling")
    async with stage.ticking():
        await until(lambda: len(stage.probe.ours) > 3)
        assert stage.runtime.scheduler.inventory is before
        stage.clock.now += 51
        await until(lambda: stage.state(A) is None)
    assert "device probe failed: RuntimeError" in caplog.text


async def test_nothing_is_probed_while_an_engine_loads() -> None:
    stage = RuntimeStage()
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await until(lambda: stage.launcher.begun)
    async with stage.ticking():
        await turns(50)
        assert len(stage.probe.ours) == 1, "the one at the start"
        stage.launcher.finish("a")
        await until(lambda: len(stage.probe.ours) > 1)
    (await waiting).release()


@pytest.mark.parametrize(("taken", "shown"), [(14, 14), (4, 10)], ids=["more", "less"])
async def test_what_an_engine_takes_beyond_its_reservation_is_believed(taken: int, shown: int) -> None:
    stage = RuntimeStage(20, at_once=True)
    stage.launcher.memory["a"] = taken * GIB
    await stage.resident(A)
    occupant = stage.runtime.scheduler.occupants.get("a")
    assert occupant is not None
    assert sum(share.bytes for share in occupant.shares) == shown * GIB


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_drain_refuses_what_waits_and_ends_with_the_last_lease() -> None:
    stage = RuntimeStage()
    await stage.resident(A)
    holder = stage.runtime.acquire_now(A)
    assert holder is not None
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await turns()
    draining = asyncio.create_task(stage.runtime.drain(60))
    with pytest.raises(BackendError) as caught:
        await waiting
    assert caught.value.cause is Cause.DRAINING
    assert stage.runtime.acquire_now(A) is None
    assert not draining.done()
    holder.release()
    assert await draining is True


async def test_drain_ends_with_its_window() -> None:
    stage = RuntimeStage(at_once=True)
    assert await stage.runtime.drain(0) is True
    stage = RuntimeStage(at_once=True)
    await stage.resident(A)
    assert stage.runtime.acquire_now(A) is not None
    assert await stage.runtime.drain(0.001) is False


@pytest.mark.parametrize("before", [True, False])
async def test_who_is_in_a_hurry_waits_for_no_window(before: bool) -> None:
    stage = RuntimeStage(at_once=True)
    await stage.resident(A)
    assert stage.runtime.acquire_now(A) is not None
    if before:
        stage.runtime.hurry()
    draining = asyncio.create_task(stage.runtime.drain(600))
    await turns()
    if not before:
        assert not draining.done()
        stage.runtime.hurry()
        await turns()
    assert draining.done()
    assert draining.result() is False


async def test_the_end_cancels_loads_and_waits_for_every_stop() -> None:
    stage = RuntimeStage(40)
    leaving, staying = await stage.resident(A), await stage.resident(B)
    loading = asyncio.create_task(stage.runtime.acquire(Wanted(target=model("c")), "k", 60))
    await until(lambda: "c" in stage.launcher.begun)
    for engine in (leaving, staying):
        engine.gone.clear()
    stage.runtime.unload("a")
    await turns()
    closing = asyncio.create_task(stage.runtime.aclose())
    await until(lambda: leaving.stops == staying.stops == 1)
    assert stage.launcher.cancelled == ["c"]
    leaving.gone.set()
    await turns()
    assert not closing.done(), "one of them is still there"
    staying.exited.set_result("signal SIGTERM")
    staying.gone.set()
    await closing
    assert stage.metric("gateway_backend_restarts_total") == 0
    loading.cancel()


async def test_in_a_hurry_what_is_being_stopped_and_what_is_yet_to_stop_are_killed() -> None:
    stage = RuntimeStage(40)
    leaving, staying = await stage.resident(A), await stage.resident(B)
    for engine in (leaving, staying):
        engine.gone.clear()
    stage.runtime.unload("a")
    await turns()
    stage.runtime.hurry()
    assert (leaving.kills, staying.kills) == (1, 0), "the other one may still be serving its last request"
    async with asyncio.timeout(20):
        await stage.runtime.aclose()
    assert (leaving.kills, staying.kills) == (1, 1)
