"""The breaker at every edge of its numbers, time passed in."""

import pytest

from gateway.routing.breaker import (
    CONSECUTIVE,
    LONGEST_OPEN_SECONDS,
    MIN_CALLS,
    OPEN_SECONDS,
    WINDOW_SECONDS,
    Breaker,
    BreakerState,
)


def opened(now: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(CONSECUTIVE):
        breaker.failure(now)
    assert breaker.state is BreakerState.OPEN
    return breaker


def test_failures_in_a_row_open_it():
    breaker = Breaker()
    for _ in range(CONSECUTIVE - 1):
        breaker.failure(100.0)
        assert breaker.allow(100.0)
    breaker.failure(100.0)
    assert not breaker.allow(100.0)


def test_a_success_between_starts_the_row_anew():
    breaker = Breaker()
    for _ in range(3):
        for _ in range(CONSECUTIVE - 1):
            breaker.failure(100.0)
        breaker.succeeded(100.0)
    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize(("calls", "state"), [(MIN_CALLS - 1, "closed"), (MIN_CALLS, "open")])
def test_half_of_enough_calls_opens_it(calls, state):
    breaker = Breaker()
    for number in range(calls):
        if number % 2 == (calls + 1) % 2:
            breaker.failure(100.0)
        else:
            breaker.succeeded(100.0)
    assert breaker.state == state


def test_less_than_half_does_not():
    breaker = Breaker()
    for number in range(300):
        breaker.failure(100.0) if number % 3 == 0 else breaker.succeeded(100.0)
    assert breaker.state is BreakerState.CLOSED


def test_old_calls_are_forgotten():
    breaker = Breaker()
    for _ in range(MIN_CALLS):
        breaker.succeeded(100.0)
        breaker.failure(100.0) if breaker.failed < MIN_CALLS // 2 - 1 else breaker.succeeded(100.0)
    calls = breaker.calls
    breaker.failure(100.0 + WINDOW_SECONDS)
    assert breaker.calls == calls + 1
    breaker.failure(100.1 + WINDOW_SECONDS)
    assert (breaker.calls, breaker.failed) == (1, 1)


def test_one_probe_after_the_rest():
    breaker = opened(100.0)
    assert not breaker.allow(100.0 + OPEN_SECONDS - 0.01)
    assert breaker.allow(100.0 + OPEN_SECONDS)
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.allow(1e6)


def test_a_good_probe_closes_it_and_a_new_row_is_needed():
    breaker = opened(100.0)
    assert breaker.allow(200.0)
    breaker.succeeded(200.0)
    assert (breaker.state, breaker.open_for) == (BreakerState.CLOSED, OPEN_SECONDS)
    for _ in range(CONSECUTIVE - 1):
        breaker.failure(200.0)
    assert breaker.state is BreakerState.CLOSED


def test_bad_probes_double_the_rest_up_to_a_bound():
    breaker, now = opened(100.0), 100.0
    rests = []
    for _ in range(6):
        now = breaker.open_until
        assert breaker.allow(now)
        breaker.failure(now)
        rests.append(breaker.open_until - now)
    assert rests == [30.0, 60.0, *[LONGEST_OPEN_SECONDS] * 4]


def test_a_probe_without_outcome_leaves_the_next_call_to_probe():
    breaker = opened(100.0)
    assert breaker.allow(200.0)
    breaker.abandoned()
    assert breaker.allow(200.0)
    assert not breaker.allow(200.0)


@pytest.mark.parametrize("breaker", [Breaker(), opened()], ids=["closed", "open"])
def test_nothing_is_abandoned_without_a_probe(breaker):
    before = breaker.state
    breaker.abandoned()
    assert breaker.state is before
