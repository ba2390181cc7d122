"""Candidates in their order, until one reaches its commit point: what is tried next, and what is given back."""

import asyncio

import pytest

from backends.contract import Call
from backends.errors import BackendError, Cause
from gateway.errors import TABLE
from gateway.routing import dispatch
from tests.fakes.runtime_stage import until
from tests.unit.gateway.routing.stage import error, profile, variant

FALLS_BACK = [cause for cause in Cause if TABLE[cause].falls_back and cause is not Cause.UPSTREAM_CONNECT]
STAYS = [cause for cause in Cause if not TABLE[cause].falls_back]
TWO = (variant("q8"), variant("q4"))


def fallbacks(here) -> dict[tuple[str, ...], float]:
    samples = [s for m in here.metrics.fallback.collect() for s in m.samples if s.name.endswith("_total")]
    return {tuple(s.labels.values()): s.value for s in samples}


async def test_the_first_candidate_serves(stage):
    here = stage(profile("alpha", *TWO))
    cold = await here.served("alpha")
    assert (cold.candidate.variant.name, cold.attempts, cold.reason) == (
        "q8",
        1,
        "loaded: 10.00 GiB free on host RAM, needs 1.00",
    )
    warm = await here.served("alpha")
    assert (warm.candidate.variant.name, warm.reason) == ("q8", "resident")
    assert [call.body for call in here.backends["alpha:q8"].calls] == [b"q8", b"q8"]
    assert here.called() == {"alpha:q8": 2}


async def test_what_is_in_memory_goes_first(stage):
    here = stage(profile("alpha", *TWO, variant("q2")))
    await here.served("alpha:q2")
    assert (await here.served("alpha")).candidate.variant.name == "q2"
    here.backends["alpha:q2"].says.append(error(Cause.UPSTREAM_ERROR))
    assert (await here.served("alpha")).candidate.variant.name == "q8"


@pytest.mark.parametrize("cause", FALLS_BACK)
async def test_the_next_candidate_is_tried(stage, cause):
    here = stage(profile("alpha", *TWO))
    here.backends["alpha:q8"].says.append(error(cause))
    opened = await here.served("alpha")
    assert (opened.candidate.variant.name, opened.attempts) == ("q4", 2)
    assert opened.reason == f"fallback:{cause.value}"
    assert here.called() == {"alpha:q8": 1, "alpha:q4": 1}
    assert fallbacks(here) == {("alpha", cause.value, "alpha:q4"): 1.0}


@pytest.mark.parametrize("cause", STAYS)
async def test_another_candidate_would_not_help(stage, cause):
    here = stage(profile("alpha", *TWO))
    here.backends["alpha:q8"].says.append(error(cause))
    assert (await here.failing("alpha")).cause is cause
    assert here.called() == {"alpha:q8": 1}


async def test_the_last_failure_is_the_answer(stage):
    here = stage(profile("alpha", *TWO))
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_TIMEOUT))
    here.backends["alpha:q4"].says.append(error(Cause.UPSTREAM_ERROR, "the second"))
    failure = await here.failing("alpha")
    assert (failure.cause, failure.detail) == (Cause.UPSTREAM_ERROR, "the second")


async def test_after_the_commit_point_nothing_is_tried(stage):
    """``open`` has returned: what breaks later is between the answer and its client."""
    here = stage(profile("alpha", *TWO))
    opened = await here.open("alpha")
    here.backends["alpha:q8"].says.append(error(Cause.STREAM_BROKEN))
    opened.close()
    assert here.called() == {"alpha:q8": 1}
    here.nothing_held()


async def test_a_closed_door_is_tried_once_more(stage):
    here = stage(profile("alpha", *TWO))
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_CONNECT))
    opened = await here.served("alpha")
    assert (opened.candidate.variant.name, opened.attempts) == ("q8", 1)
    assert here.called() == {"alpha:q8": 2}
    here.backends["alpha:q8"].says.extend([error(Cause.UPSTREAM_CONNECT)] * 2)
    assert (await here.served("alpha")).candidate.variant.name == "q4"
    assert here.called() == {"alpha:q8": 4, "alpha:q4": 1}


async def test_an_engine_that_lives_gets_its_second_attempt_soon(stage, monkeypatch):
    monkeypatch.setattr(dispatch, "_EXIT_SECONDS", 0.01)
    here = stage(profile("alpha", variant("q8")))
    await here.served("alpha")
    here.launcher.engines["alpha:q8"][0].pid = 7
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_CONNECT))
    assert (await here.served("alpha")).reason == "resident"
    assert not here.launcher.engines["alpha:q8"][0].exited.done()


async def test_an_engine_that_ended_is_seen_dead_before_the_second_attempt(stage, monkeypatch):
    monkeypatch.setattr(dispatch, "_EXIT_SECONDS", 3600)
    here = stage(profile("alpha", variant("q8")))
    await here.served("alpha")
    dead = here.launcher.engines["alpha:q8"][0]
    dead.pid = 7
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_CONNECT))
    opening = asyncio.ensure_future(here.open("alpha"))
    await until(lambda: len(here.backends["alpha:q8"].calls) == 2)
    assert not opening.done()
    here.nothing_held()
    dead.exited.set_result("killed")
    opened = await opening
    assert opened.reason.startswith("loaded: ")
    assert len(here.launcher.engines["alpha:q8"]) == 2
    opened.close()
    here.nothing_held()


async def test_retries_have_a_budget(stage):
    here = stage(profile("alpha", variant("q8")))
    for _ in range(100):
        here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_CONNECT))
        here.backends["alpha:q8"].says.append(error(Cause.CONTENT_REFUSED))  # says nothing against the engine
        if (await here.failing("alpha")).cause is Cause.UPSTREAM_CONNECT:
            here.backends["alpha:q8"].says.popleft()
            here.dispatcher._picker._breakers.clear()
    assert here.called()["alpha:q8"] <= 120
    assert here.called()["alpha:q8"] > 110
    here.time.now += 100
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_CONNECT))
    await here.served("alpha")


async def test_a_variant_that_this_machine_lacks_is_passed_over(stage):
    here = stage(profile("alpha", *TWO))
    here.launcher.lacks["alpha:q8"] = error(Cause.LOAD_FAILED, "no weights")
    assert (await here.served("alpha")).reason == "fallback:load_failed"
    here.launcher.lacks["alpha:q4"] = error(Cause.LOAD_FAILED, "no weights either")
    assert (await here.served("alpha")).reason == "resident", "what is in memory needs nothing more"
    assert (await here.failing("alpha:q8")).detail == "no weights"


async def test_a_variant_that_does_not_load_or_fit_is_passed_over(stage):
    here = stage(profile("alpha", variant("huge", 99.0), *TWO))
    here.launcher.refuses["alpha:q8"] = error(Cause.LOAD_FAILED)
    opened = await here.served("alpha")
    assert (opened.candidate.variant.name, opened.attempts, opened.reason) == ("q4", 2, "fallback:load_failed")


async def test_a_rule_leads_to_another_profile(stage):
    here = stage(
        profile("alpha", variant("huge", 99.0), to="beta", when=(Cause.CANNOT_FIT,)),
        profile("beta", variant("q8")),
    )
    opened = await here.served("alpha")
    assert opened.candidate.profile.id == "beta"
    assert (opened.attempts, opened.reason) == (2, "fallback:cannot_fit")
    assert fallbacks(here) == {("alpha", "cannot_fit", "beta"): 1.0}


async def test_a_rule_is_for_its_causes_and_for_whole_profiles(stage):
    here = stage(
        profile("alpha", variant("q8"), to="beta", when=(Cause.CANNOT_FIT,)),
        profile("beta", variant("q8")),
    )
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_ERROR))
    assert (await here.failing("alpha")).cause is Cause.UPSTREAM_ERROR
    here.backends["alpha:q8"].says.append(error(Cause.CANNOT_FIT))
    assert (await here.failing("alpha:q8")).cause is Cause.CANNOT_FIT
    assert here.called() == {"alpha:q8": 2}


async def test_rules_that_go_round_come_to_an_end(stage):
    here = stage(
        profile("alpha", variant("q8"), to="beta", when=(Cause.UPSTREAM_ERROR,)),
        profile("beta", variant("q8"), to="alpha", when=(Cause.UPSTREAM_ERROR,)),
    )
    for name in ("alpha:q8", "beta:q8"):
        here.backends[name].says.extend([error(Cause.UPSTREAM_ERROR)] * 9)
    assert (await here.failing("alpha")).cause is Cause.UPSTREAM_ERROR
    assert here.called() == {"alpha:q8": 2, "beta:q8": 2}


async def test_a_rule_to_a_profile_that_is_gone_leaves_the_failure(stage):
    here = stage(profile("alpha", variant("q8"), to="gone", when=(Cause.UPSTREAM_ERROR,)))
    here.backends["alpha:q8"].says.append(error(Cause.UPSTREAM_ERROR, "the true failure"))
    assert (await here.failing("alpha")).detail == "the true failure"


@pytest.mark.parametrize(("why", "words"), [("only its maker serves it", "only its maker"), (None, "no variant")])
async def test_a_profile_without_variants_says_why(stage, why, words):
    here = stage(profile("alpha", why_not=why))
    failure = await here.failing("alpha")
    assert failure.cause is Cause.NO_CAPACITY
    assert words in failure.detail


@pytest.mark.parametrize("phase", ["upstream", "queue"])
async def test_a_caller_that_leaves_gives_everything_back(stage, phase):
    here = stage(profile("alpha", variant("q8"), variant("q4")))
    backend = here.backends["alpha:q8"]
    backend.says.append(asyncio.Event())
    first = asyncio.ensure_future(here.open("alpha:q8"))
    await until(lambda: backend.waiting == 1)
    leaving = first
    if phase == "queue":
        leaving = asyncio.ensure_future(here.open("alpha:q8"))
        await until(lambda: len(here.runtime.scheduler.queue) == 1)
    leaving.cancel()
    await asyncio.wait((leaving,))
    assert leaving.cancelled()
    if phase == "queue":
        assert here.runtime.scheduler.in_flight == 1
        assert len(here.runtime.scheduler.queue) == 0
        first.cancel()
        await asyncio.wait((first,))
    assert backend.waiting == 0
    here.nothing_held()
    assert len(backend.calls) == 1
    assert (await here.served("alpha")).candidate.variant.name == "q8"


async def test_a_mistake_of_ours_gives_the_lease_back_too(stage):
    here = stage(profile("alpha", *TWO))
    here.backends["alpha:q8"].says.append(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        await here.open("alpha")
    here.nothing_held()
    assert here.called() == {"alpha:q8": 1}


async def test_a_call_that_cannot_be_made_asks_for_nothing(stage):
    here = stage(profile("alpha", *TWO))

    def refuse(_) -> Call:
        raise BackendError(Cause.INVALID_REQUEST, "max_tokens is too large", param="max_tokens")

    with pytest.raises(BackendError) as caught:
        await here.open("alpha", refuse)
    assert caught.value.param == "max_tokens"
    assert here.launcher.begun == []
    here.nothing_held()


async def test_an_operator_loads_the_first_that_can_be_had(stage):
    here = stage(profile("alpha", variant("huge", 99.0), *TWO), profile("empty"))
    here.launcher.lacks["alpha:q8"] = error(Cause.LOAD_FAILED, "no weights")
    loaded = await here.dispatcher.load(here.table.route("alpha"), pin=True)
    assert loaded.variant.name == "q4"
    occupant = here.runtime.scheduler.occupants.get("alpha:q4")
    assert occupant.pinned
    here.nothing_held()
    with pytest.raises(BackendError, match="no weights"):
        await here.dispatcher.load(here.table.route("alpha:q8"), pin=False)
    with pytest.raises(BackendError, match="no variant to load"):
        await here.dispatcher.load(here.table.route("empty"), pin=False)
    assert here.called() == {}
