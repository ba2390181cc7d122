"""Engines that sleep, through the runtime: put to bed for another, woken, and what happens when they cannot."""

import asyncio

from backends.contract import BackendState
from backends.errors import BackendError, Cause
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.policy import GIB
from gateway.scheduling.wanted import Wanted
from tests.fakes.effects import bed, deep_bed, model
from tests.fakes.runtime_stage import RuntimeStage, turns, until

CARD = Inventory(
    (Device(id="gpu0", name="card", total_bytes=12 * GIB), Device(id=HOST, name="host", total_bytes=64 * GIB))
)
A = model("a", 10, sleep=bed(10))
B = model("b", 10, sleep=bed(10))


def stage_of_a_card() -> RuntimeStage:
    stage = RuntimeStage(at_once=True)
    stage.runtime.scheduler.on_inventory(CARD)
    return stage


async def use(stage: RuntimeStage, target=A) -> str:
    lease = await stage.runtime.acquire(Wanted(target=target), "k", 60)
    lease.release()
    return lease.reason


async def test_who_makes_room_sleeps_and_is_woken_without_a_load() -> None:
    stage = stage_of_a_card()
    await use(stage, A)
    assert (await use(stage, B)).startswith("loaded: makes room on gpu0 by putting a to sleep")
    assert stage.state(A) is BackendState.SLEEPING
    assert stage.engine(A).asleep
    assert (await use(stage, A)).startswith("woken: makes room on gpu0 by putting b to sleep")
    assert not stage.engine(A).asleep
    assert stage.launcher.begun == ["a", "b"]
    assert stage.metric('gateway_model_load_seconds_count{backend="fake",kind="awake",model="a"}') == 1
    await stage.runtime.aclose()
    assert (stage.engine(A).stops, stage.engine(B).stops) == (1, 1)


async def test_who_cannot_fall_asleep_is_stopped() -> None:
    stage = stage_of_a_card()
    await use(stage, A)
    stage.engine(A).sleep_error = BackendError(Cause.UPSTREAM_PROTOCOL, "no")
    await use(stage, B)
    assert stage.state(A) is None
    assert stage.engine(A).stops == 1


async def test_who_cannot_wake_is_stopped_before_its_waiters_are_told() -> None:
    stage = stage_of_a_card()
    await use(stage, A)
    await use(stage, B)
    engine = stage.engine(A)
    engine.wake_error = BackendError(Cause.UPSTREAM_TIMEOUT, "it sleeps on")
    engine.gone.clear()
    waiting = asyncio.create_task(use(stage, A))
    await until(lambda: engine.stops == 1)
    await turns()
    assert not waiting.done(), "it holds memory until it is gone"
    engine.gone.set()
    (error,) = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(error, BackendError)
    assert error.detail == "it sleeps on"
    assert stage.state(A) is None


async def test_one_that_dies_asleep_is_loaded_again() -> None:
    stage = stage_of_a_card()
    await use(stage, A)
    await use(stage, B)
    stage.engine(A).exited.set_result("signal 9")
    await until(lambda: stage.state(A) is None)
    await use(stage, A)
    assert stage.launcher.begun == ["a", "b", "a"]


async def test_who_sleeps_can_be_unloaded() -> None:
    stage = stage_of_a_card()
    await use(stage, A)
    await use(stage, B)
    assert stage.runtime.unload("a")
    await until(lambda: stage.state(A) is None)
    assert stage.engine(A).stops == 1


async def test_how_deep_is_told_to_the_engine() -> None:
    stage = stage_of_a_card()
    deep = model("d", 10, sleep=bed(65, deep=deep_bed(1)))
    await use(stage, deep)
    await use(stage, A)
    assert stage.engine(deep).depths == ["deep"]
    assert (await use(stage, deep)).startswith("woken")
    assert stage.engine(A).depths == ["light"]
    await stage.runtime.aclose()
