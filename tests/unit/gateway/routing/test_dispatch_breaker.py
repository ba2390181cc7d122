"""Dispatch and its breakers: an engine that fails rests, is probed by one call, and is not blamed for other things."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from gateway.routing.breaker import CONSECUTIVE, OPEN_SECONDS, BreakerState
from tests.fakes.runtime_stage import until
from tests.unit.gateway.routing.stage import error, profile, variant

ONE = profile("alpha", variant("q8", slots=4))
BLAMED = [Cause.UPSTREAM_TIMEOUT, Cause.UPSTREAM_ERROR, Cause.UPSTREAM_PROTOCOL, Cause.STREAM_BROKEN]
NOT_BLAMED = [Cause.INVALID_REQUEST, Cause.CONTEXT_LENGTH, Cause.UPSTREAM_RATE_LIMITED, Cause.NOT_FOUND]


async def failing(here, times: int, cause: Cause = Cause.UPSTREAM_ERROR) -> None:
    for _ in range(times):
        here.backends["alpha:q8"].says.append(error(cause))
        assert (await here.failing("alpha")).cause is cause


def calls(here) -> int:
    return len(here.backends["alpha:q8"].calls)


def state(here) -> BreakerState:
    return here.dispatcher._picker._breakers["alpha:q8"][1].state


@pytest.mark.parametrize("cause", BLAMED)
async def test_an_engine_that_fails_rests_and_is_probed_by_one_call(stage, cause):
    here = stage(ONE)
    await failing(here, CONSECUTIVE, cause)
    resting = await here.failing("alpha")
    assert (resting.cause, calls(here)) == (Cause.NO_CAPACITY, CONSECUTIVE)
    assert resting.retry_after == OPEN_SECONDS
    here.time.now += OPEN_SECONDS
    gate = asyncio.Event()
    here.backends["alpha:q8"].says.append(gate)
    probe = asyncio.ensure_future(here.open("alpha"))
    await until(lambda: here.backends["alpha:q8"].waiting == 1)
    with pytest.raises(BackendError) as refused:
        await here.open("alpha")
    assert (refused.value.cause, refused.value.retry_after) == (Cause.NO_CAPACITY, 1.0)
    assert calls(here) == CONSECUTIVE + 1
    gate.set()
    (await probe).close()
    await here.served("alpha")
    assert state(here) is BreakerState.CLOSED


@pytest.mark.parametrize("cause", NOT_BLAMED)
async def test_what_says_nothing_about_the_engine_does_not_rest_it(stage, cause):
    here = stage(ONE)
    await failing(here, 3 * CONSECUTIVE, cause)
    await here.served("alpha")


async def test_a_bad_probe_rests_it_for_longer(stage):
    here = stage(ONE)
    await failing(here, CONSECUTIVE)
    here.time.now += OPEN_SECONDS
    await failing(here, 1)
    assert (await here.failing("alpha")).retry_after == 2 * OPEN_SECONDS


async def test_a_resting_engine_is_passed_over(stage):
    here = stage(profile("alpha", variant("q8"), variant("q4")))
    here.backends["alpha:q8"].says.extend([error(Cause.UPSTREAM_ERROR)] * CONSECUTIVE)
    for _ in range(CONSECUTIVE):
        here.runtime.unload("alpha:q4")
        assert (await here.served("alpha")).candidate.variant.name == "q4"
    assert calls(here) == CONSECUTIVE
    assert (await here.served("alpha")).reason == "fallback:no_capacity"
    assert calls(here) == CONSECUTIVE


async def test_the_failure_that_opens_it_is_the_answer_and_costs_no_retry(stage):
    here = stage(ONE)
    await failing(here, CONSECUTIVE - 1)
    assert state(here) is BreakerState.CLOSED
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_CONNECT))
    assert (await here.failing("alpha")).cause is Cause.UPSTREAM_CONNECT
    assert calls(here) == CONSECUTIVE
    assert here.dispatcher._budget.extra == 0


async def test_a_probe_whose_client_leaves_is_followed_by_another(stage):
    here = stage(ONE)
    await failing(here, CONSECUTIVE)
    here.time.now += OPEN_SECONDS
    here.backends["alpha:q8"].says.append(asyncio.Event())
    probe = asyncio.ensure_future(here.open("alpha"))
    await until(lambda: here.backends["alpha:q8"].waiting == 1)
    probe.cancel()
    await asyncio.wait((probe,))
    here.nothing_held()
    await here.served("alpha")
    assert state(here) is BreakerState.CLOSED


async def test_a_client_that_leaves_another_call_ends_no_probe(stage):
    here = stage(ONE)
    backend = here.backends["alpha:q8"]
    backend.says.append(asyncio.Event())
    early = asyncio.ensure_future(here.open("alpha"))
    await until(lambda: backend.waiting == 1)
    for _ in range(CONSECUTIVE):
        backend.says.append(error(Cause.UPSTREAM_ERROR))
        with pytest.raises(BackendError, match="as ordered"):
            await here.open("alpha")
    here.time.now += OPEN_SECONDS
    gate = asyncio.Event()
    backend.says.append(gate)
    probe = asyncio.ensure_future(here.open("alpha"))
    await until(lambda: backend.waiting == 2)
    early.cancel()
    await asyncio.wait((early,))
    assert state(here) is BreakerState.HALF_OPEN
    gate.set()
    (await probe).close()
    here.nothing_held()


async def test_a_probe_that_finds_no_slot_is_followed_by_another(stage):
    here = stage(profile("alpha", variant("q8")))
    await failing(here, CONSECUTIVE)
    here.time.now += OPEN_SECONDS
    held = here.runtime.acquire_now(here.table.route("alpha").candidates[0].target)
    probe = asyncio.ensure_future(here.open("alpha"))
    await until(lambda: len(here.runtime.scheduler.queue) == 1)
    assert state(here) is BreakerState.HALF_OPEN
    probe.cancel()
    await asyncio.wait((probe,))
    held.release()
    await here.served("alpha")


async def test_a_new_engine_starts_with_a_good_name(stage):
    here = stage(ONE)
    await failing(here, CONSECUTIVE)
    here.runtime.unload("alpha:q8")
    await until(lambda: "alpha:q8" not in here.runtime.running)
    del here.backends["alpha:q8"]
    assert (await here.served("alpha")).reason.startswith("loaded: ")
    assert state(here) is BreakerState.CLOSED
