"""A backend that turns requests away: they ask again while they may wait, and hold nothing meanwhile."""

from backends.errors import BackendError, Cause
from gateway.routing.backoff import LONGEST_SECONDS, pause
from tests.unit.gateway.routing.stage import profile, variant


def busy(retry_after: float | None = None) -> BackendError:
    return BackendError(Cause.UPSTREAM_RATE_LIMITED, "busy", retry_after=retry_after)


def test_pauses_double_up_to_a_limit():
    assert [pause(busy(), times, 60) for times in range(6)] == [0.5, 1, 2, 4, 8, LONGEST_SECONDS]
    assert pause(busy(), 10_000, 60) == LONGEST_SECONDS


def test_a_backend_that_says_when_is_believed_within_the_time_that_is_left():
    assert pause(busy(3), 5, 60) == 3
    assert pause(busy(0), 0, 60) == 0.5, "no storm"
    assert pause(busy(30), 0, 20) is None
    assert pause(busy(), 4, 7) is None


def full() -> BackendError:
    """What vLLM answers when as many wait in it as may."""
    return BackendError(Cause.NO_CAPACITY, "the backend answered 503", upstream_status=503)


def test_an_engine_that_is_full_is_asked_again_and_the_gateways_own_refusal_is_not():
    assert pause(full(), 1, 60) == 1
    assert pause(BackendError(Cause.NO_CAPACITY, "it is failing"), 1, 60) is None


def test_only_being_turned_away_is_waited_for():
    assert [cause for cause in Cause if pause(BackendError(cause, ""), 0, 60) is not None] == [
        Cause.UPSTREAM_RATE_LIMITED
    ]


async def test_it_asks_again_and_is_served(stage):
    here = stage(profile("alpha", variant("q8")))
    here.backends["alpha:q8"].says.extend([busy(), busy(2)])
    opened = await here.served("alpha")
    assert (opened.attempts, here.slept) == (3, [0.5, 2])


async def test_who_can_go_elsewhere_does_not_wait(stage):
    here = stage(profile("alpha", variant("q8"), variant("q4")))
    here.backends["alpha:q8"].says.append(busy())
    assert (await here.served("alpha")).candidate.variant.name == "q4"
    assert here.slept == []


async def test_an_engine_that_is_full_is_not_taken_for_a_broken_one(stage):
    here = stage(profile("alpha", variant("q8")))
    here.backends["alpha:q8"].says.extend([full()] * 6)
    opened = await here.served("alpha")
    assert (opened.attempts, here.slept) == (7, [0.5, 1, 2, 4, 8, 8]), "five in a row would open the breaker"


async def test_in_the_end_it_is_told(stage):
    here = stage(profile("alpha", variant("q8")))
    here.backends["alpha:q8"].says.extend([busy()] * 100)
    assert (await here.failing("alpha")).cause is Cause.UPSTREAM_RATE_LIMITED
    assert 50 < sum(here.slept) <= 60


def test_who_was_turned_away_together_does_not_come_back_together():
    assert [pause(busy(4), 0, 60, chance) for chance in (0.0, 0.5, 1.0)] == [4, 4.5, 5]
    assert pause(busy(4), 0, 4.5, 1.0) is None
