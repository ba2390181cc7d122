"""Starts on cards, through the runtime: one after the other on a card, and none before memory is back."""

import asyncio
from collections.abc import Awaitable, Callable

from backends.contract import BackendState
from backends.errors import BackendError, Cause
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.policy import GIB
from gateway.scheduling.probe import ProcessUse
from gateway.scheduling.target import Target
from gateway.scheduling.wanted import Wanted
from tests.fakes.effects import bed, model
from tests.fakes.runtime_stage import RuntimeStage, turns, until

A, B, C = model("a", 5), model("b", 5), model("c", 5)


def cards(*gib: float, foreign: int = 0) -> Inventory:
    devices = (
        Device(id=f"gpu{n}", name="card", total_bytes=int(size * GIB), foreign_bytes=foreign)
        for n, size in enumerate(gib)
    )
    return Inventory((*devices, Device(id=HOST, name="host", total_bytes=64 * GIB)))


class Naps:
    """Sleeps of the machine that cost a turn of the loop."""

    def __init__(self) -> None:
        self.slept = 0

    async def __call__(self, seconds: float) -> None:
        self.slept += 1
        await asyncio.sleep(0)


def stage_of(
    *gib: float, at_once: bool = False, nap: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> RuntimeStage:
    stage = RuntimeStage(at_once=at_once, nap=nap)
    stage.probe.inventory = cards(*gib)
    stage.machine.first_reading()
    stage.runtime.scheduler.on_inventory(stage.probe.inventory)
    return stage


def ask(stage: RuntimeStage, target: Target) -> "asyncio.Task[None]":
    async def use() -> None:
        (await stage.runtime.acquire(Wanted(target=target), "k", 60)).release()

    return asyncio.create_task(use())


async def test_two_that_fit_beside_each_other_are_started_one_after_the_other() -> None:
    stage = stage_of(12)
    first, second = ask(stage, A), ask(stage, B)
    await until(lambda: stage.launcher.is_loading("a"))
    await turns()
    assert stage.launcher.begun == ["a"]
    assert stage.state(B) is BackendState.STARTING, "its memory is reserved"
    stage.clock.now += 30.0
    stage.launcher.finish("a")
    await first
    await until(lambda: stage.launcher.is_loading("b"))
    stage.clock.now += 4.0
    stage.launcher.finish("b")
    await second
    took = stage.metric('gateway_model_load_seconds_sum{backend="fake",kind="cold",model="b"}')
    assert took == 4.0, "not counting what it waited for its turn"
    await stage.runtime.aclose()


async def test_a_start_that_fails_lets_the_next_one_start() -> None:
    stage = stage_of(12)
    first, second = ask(stage, A), ask(stage, B)
    await until(lambda: stage.launcher.is_loading("a"))
    stage.launcher.fail("a", BackendError(Cause.LOAD_FAILED, "no"))
    await until(lambda: stage.launcher.is_loading("b"))
    stage.launcher.finish("b")
    await second
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], BackendError)
    await stage.runtime.aclose()


async def test_on_two_cards_they_start_together() -> None:
    stage = stage_of(6, 6)
    both = (ask(stage, A), ask(stage, B))
    await until(lambda: stage.launcher.is_loading("a") and stage.launcher.is_loading("b"))
    for name in "ab":
        stage.launcher.finish(name)
    await asyncio.gather(*both)
    await stage.runtime.aclose()


async def test_a_wake_waits_for_a_start_on_its_card_and_the_end_for_neither() -> None:
    stage = stage_of(12)
    sleeper = model("s", 6, sleep=bed(6), idle_unload_seconds=1)
    await stage.resident(sleeper)
    stage.clock.now += 1.0
    stage.runtime.scheduler.on_tick()
    await until(lambda: stage.state(sleeper) is BackendState.SLEEPING)
    asked = (ask(stage, A), ask(stage, sleeper))
    await until(lambda: stage.launcher.is_loading("a"))
    await turns()
    assert stage.state(sleeper) is BackendState.STARTING
    assert stage.engine(sleeper).asleep
    stage.launcher.finish("a")
    await asyncio.gather(*asked)
    assert not stage.engine(sleeper).asleep
    stuck = (ask(stage, B), ask(stage, C))
    await until(lambda: stage.launcher.is_loading("b"))
    async with asyncio.timeout(20):
        await stage.runtime.aclose()
    assert stage.launcher.cancelled == ["b"]
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_who_leaves_a_card_needs_no_turn() -> None:
    stage = stage_of(12)
    await stage.resident(A)
    asked = ask(stage, B)
    await until(lambda: stage.launcher.is_loading("b"))
    assert stage.runtime.unload("a")
    await until(lambda: stage.state(A) is None)
    assert stage.launcher.is_loading("b")
    stage.launcher.finish("b")
    await asked
    await stage.runtime.aclose()


async def test_after_a_crash_the_next_start_waits_until_the_card_has_its_memory_back() -> None:
    naps = Naps()
    stage = stage_of(6, nap=naps)
    asked = ask(stage, A)
    await until(lambda: stage.launcher.is_loading("a"))
    stage.probe.used = (ProcessUse(101, "gpu0", 5 * GIB),)
    stage.launcher.finish("a")
    await asked
    stage.probe.used, stage.probe.inventory = (), cards(6, foreign=5 * GIB)
    stage.engine(A).exited.set_result("signal 9")
    again = ask(stage, A)
    await until(lambda: naps.slept > 2)
    assert stage.launcher.begun == ["a"], "the driver still holds it"
    stage.probe.inventory = cards(6)
    await until(lambda: stage.launcher.begun == ["a", "a"])
    stage.launcher.finish("a")
    await again
    await stage.runtime.aclose()


async def test_a_wake_that_fails_holds_its_turn_until_its_memory_is_back() -> None:
    naps = Naps()
    stage = stage_of(6, at_once=True, nap=naps)
    sleeper = model("s", 5, sleep=bed(5), idle_unload_seconds=1)
    stage.probe.used = (ProcessUse(101, "gpu0", 5 * GIB),)
    await ask(stage, sleeper)
    stage.clock.now += 1.0
    stage.runtime.scheduler.on_tick()
    await until(lambda: stage.state(sleeper) is BackendState.SLEEPING)
    stage.engine(sleeper).wake_error = BackendError(Cause.UPSTREAM_TIMEOUT, "it sleeps on")
    stage.probe.used, stage.probe.inventory = (), cards(6, foreign=5 * GIB)
    failed, other = ask(stage, sleeper), ask(stage, A)
    await until(lambda: naps.slept > 2)
    assert (failed.done(), stage.launcher.begun) == (False, ["s"])
    stage.probe.inventory = cards(6)
    await other
    assert isinstance((await asyncio.gather(failed, return_exceptions=True))[0], BackendError)
    await stage.runtime.aclose()
