"""The kernel around the scheduler: waiters, loads and exits, with engines that are not there."""

import asyncio
import logging

import pytest

from backends.contract import BackendState
from backends.errors import BackendError, Cause
from gateway.scheduling.wanted import Wanted
from gateway.scheduling.watchdog import Watchdog
from tests.fakes.effects import model
from tests.fakes.runtime_stage import RuntimeStage, turns, until

A, B = model("a"), model("b")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick takes a turn of the loop, and every one of them probes."""
    monkeypatch.setattr("gateway.scheduling.runtime._TICK", 0.0)
    monkeypatch.setattr("gateway.scheduling.runtime._PROBE_EVERY", 1)


# --- leases -----------------------------------------------------------------------------------------------------------


async def test_the_first_request_loads_the_next_is_served_at_once() -> None:
    stage = RuntimeStage()
    assert stage.runtime.acquire_now(A) is None
    task = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await until(lambda: stage.launcher.begun)
    stage.clock.now += 3
    stage.launcher.finish("a")
    lease = await task
    assert (lease.variant_id, lease.waited, lease.reason[:7]) == ("a", 3.0, "loaded:")
    assert lease.backend is stage.engine(A).backend
    assert stage.runtime.acquire_now(A) is None, "one slot"
    lease.release()
    lease.release()
    quick = stage.runtime.acquire_now(A)
    assert quick is not None
    assert (quick.waited, quick.reason) == (0.0, "resident")
    assert stage.launcher.begun == ["a"]
    assert stage.metric("gateway_model_load_seconds_count") == 1
    assert stage.metric("gateway_queue_wait_seconds_count") == 1


async def test_who_joins_a_load_waited_for_it_too() -> None:
    stage = RuntimeStage()
    target = model("a", slots=2)
    first, second = (asyncio.create_task(stage.runtime.acquire(Wanted(target=target), "k", 60)) for _ in range(2))
    await until(lambda: stage.launcher.begun)
    stage.launcher.finish("a")
    assert (await first).reason.startswith("loaded: ")
    assert (await second).reason.startswith("loaded: ")


async def test_a_failed_load_is_told_to_all_who_wait(caplog: pytest.LogCaptureFixture) -> None:
    stage = RuntimeStage()
    waiting = [asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60)) for _ in range(3)]
    await until(lambda: stage.launcher.begun)
    with caplog.at_level(logging.ERROR, "forebay.scheduling"):
        stage.launcher.fail("a", BackendError(Cause.LOAD_FAILED, "no such file", private="tail of the log"))
        errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(e, BackendError) and e.cause is Cause.LOAD_FAILED and e.retry_after == 30 for e in errors)
    assert len({id(e) for e in errors}) == 3, "they raise it concurrently"
    assert [record.tail for record in caplog.records if hasattr(record, "tail")] == ["tail of the log"]
    assert stage.metric('gateway_backend_restarts_total{model="a",reason="load_failed"}') == 1
    assert stage.state(A) is None


async def test_a_defect_in_a_load_leaves_nobody_hanging(caplog: pytest.LogCaptureFixture) -> None:
    stage = RuntimeStage()
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await until(lambda: stage.launcher.begun)
    stage.launcher.fail("a", ZeroDivisionError("secret"))
    with pytest.raises(BackendError) as caught:
        await waiting
    assert caught.value.cause is Cause.LOAD_FAILED
    assert "secret" not in caught.value.detail
    assert any(record.exc_info for record in caplog.records)


async def test_a_waiter_that_is_cancelled_leaves_and_its_load_goes_on() -> None:
    stage = RuntimeStage()
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await until(lambda: stage.launcher.begun)
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert len(stage.runtime.scheduler.queue) == 0
    stage.launcher.finish("a")
    await until(lambda: stage.state(A) is BackendState.READY)
    assert stage.runtime.scheduler.in_flight == 0


async def test_a_grant_that_crosses_a_cancel_is_not_lost() -> None:
    stage = RuntimeStage()
    await stage.resident(A)
    holder = stage.runtime.acquire_now(A)
    assert holder is not None
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await turns()
    holder.release()  # grants
    assert stage.runtime.scheduler.in_flight == 1
    waiting.cancel()  # before the waiter has run
    await turns()
    assert waiting.cancelled()
    assert stage.runtime.scheduler.in_flight == 0
    assert stage.runtime.acquire_now(A) is not None


async def test_a_refusal_that_crosses_a_cancel_is_a_cancel() -> None:
    stage = RuntimeStage()
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await turns()
    stage.runtime.scheduler.on_drain()
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert len(stage.runtime.scheduler.queue) == 0


async def test_a_grant_of_an_engine_that_has_just_ended_is_an_error_not_a_lease() -> None:
    stage = RuntimeStage()
    engine = await stage.resident(A)
    holder = stage.runtime.acquire_now(A)
    assert holder is not None
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await turns()
    engine.exited.set_result("signal SIGKILL")
    holder.release()
    with pytest.raises(BackendError, match="has just stopped") as caught:
        await waiting
    assert caught.value.cause is Cause.UPSTREAM_CONNECT
    assert stage.runtime.scheduler.in_flight == 0


# --- exits ------------------------------------------------------------------------------------------------------------


async def test_the_memory_of_a_dead_engine_is_free_when_its_stop_returns(caplog: pytest.LogCaptureFixture) -> None:
    stage = RuntimeStage()
    engine = await stage.resident(A)
    engine.gone.clear()
    engine.exited.set_result("signal SIGSEGV")
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=B), "k", 60))
    await turns()
    assert stage.runtime.acquire_now(A) is None
    assert engine.stops == 1
    assert stage.launcher.begun == ["a"], "the group of the dead one still holds its bytes"
    engine.gone.set()
    await until(lambda: stage.launcher.begun == ["a", "b"])
    stage.launcher.finish("b")
    (await waiting).release()
    assert stage.metric('gateway_backend_restarts_total{model="a",reason="exited"}') == 1
    told = next(record for record in caplog.records if "ended by itself" in record.getMessage())
    assert told.tail == "last words of a"


async def test_an_exit_that_was_asked_for_is_no_crash() -> None:
    stage = RuntimeStage()
    engine = await stage.resident(A)
    engine.gone.clear()
    assert stage.runtime.unload("a")
    assert not stage.runtime.unload("a")
    engine.exited.set_result("signal SIGTERM")  # before the task of the stop had its first turn
    await turns()
    engine.gone.set()
    await until(lambda: stage.state(A) is None)
    assert stage.metric("gateway_backend_restarts_total") == 0
    assert stage.runtime.scheduler.failures == {}


async def test_the_late_exit_of_an_old_engine_says_nothing_about_its_successor() -> None:
    stage = RuntimeStage()
    old = await stage.resident(A)
    stage.runtime.unload("a")
    await until(lambda: stage.state(A) is None)
    await stage.resident(A)
    old.exited.set_result("exit code 0")
    await turns()
    assert stage.state(A) is BackendState.READY


async def test_a_stop_that_fails_still_gives_the_memory_back() -> None:
    stage = RuntimeStage()
    engine = await stage.resident(A)
    engine.stop_error = BackendError(Cause.INTERNAL, "it would not go")
    stage.runtime.unload("a")
    await until(lambda: stage.state(A) is None)


async def test_a_hung_engine_is_killed_and_counts_as_a_crash() -> None:
    stage = RuntimeStage()
    stage.runtime.watchdog = Watchdog(ask_every=10, patience=20)
    engine = await stage.resident(A)
    engine.gone.clear()
    engine.fake.healthy = False
    async with stage.ticking():
        await turns()
        stage.clock.now += 10
        await until(lambda: engine.fake.asked)
        stage.clock.now += 20
        await until(lambda: engine.kills)
    assert "stopped answering" in stage.runtime.scheduler.failures["a"].reason
    assert stage.metric('gateway_backend_restarts_total{model="a",reason="hung"}') == 1
    await until(lambda: stage.state(A) is None)
