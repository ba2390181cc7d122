"""The retry budget: a fifth of the requests of the last seconds, and never a storm."""

import pytest

from gateway.routing.budget import FLOOR, SHARE, WINDOW_SECONDS, RetryBudget


def takes(budget: RetryBudget, now: float) -> int:
    taken = 0
    while taken < 1000 and budget.take(now):
        taken += 1
    return taken


def asked(count: int, now: float = 1000.0) -> RetryBudget:
    budget = RetryBudget()
    for _ in range(count):
        budget.request(now)
    return budget


@pytest.mark.parametrize(("requests", "extra"), [(0, FLOOR), (1, FLOOR), (19, FLOOR), (20, 4), (100, 20), (1004, 200)])
def test_a_fifth_and_a_small_floor(requests, extra):
    assert takes(asked(requests), 1000.0) == extra


def test_the_window_before_still_counts():
    budget = asked(100)
    assert takes(budget, 1000.0) == 20
    later = 1000.0 + WINDOW_SECONDS
    assert takes(budget, later) == 0
    for _ in range(50):
        budget.request(later)
    assert takes(budget, later) == 10


@pytest.mark.parametrize("windows", [2, 2.5, 100])
def test_after_a_pause_nothing_counts(windows):
    budget = asked(100)
    assert takes(budget, 1000.0 + windows * WINDOW_SECONDS) == FLOOR


def test_no_storm_whatever_the_rhythm():
    budget, now, requests, extra = RetryBudget(), 1000.0, 0, 0
    for number in range(5000):
        now += 0.001 if number % 100 else 3.0
        budget.request(now)
        requests += 1
        extra += budget.take(now)
    assert extra <= SHARE * requests + FLOOR


def test_another_share():
    budget = RetryBudget(share=0.5)
    for _ in range(100):
        budget.request(5.0)
    assert takes(budget, 5.0) == 50
