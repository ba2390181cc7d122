"""Costs of jobs from jobs before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.scheduling.pace import Paces


def test_nothing_is_known_of_a_variant_that_never_worked() -> None:
    paces = Paces()
    paces.note("a:x", 10, 5)
    assert paces.seconds("a:y", 10) is None


def test_the_same_pace_for_more_work() -> None:
    paces = Paces()
    paces.note("a:x", 10, 5)
    assert paces.seconds("a:x", 30) == 15


def test_one_odd_job_moves_it_only_a_little() -> None:
    paces = Paces()
    for _ in range(5):
        paces.note("a:x", 1, 1)
    paces.note("a:x", 1, 10)
    assert paces.seconds("a:x", 1) == pytest.approx(3.7)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e6))))
def test_what_says_nothing_is_not_learned_and_costs_are_never_negative(jobs: list[tuple[float, float]]) -> None:
    paces = Paces()
    for work, seconds in jobs:
        paces.note("a:x", work, seconds)
    cost = paces.seconds("a:x", 1)
    assert (cost is None) == (not any(work > 0 and seconds > 0 for work, seconds in jobs))
    assert cost is None or cost >= 0
