"""When a model is expected again: like a clock, at random, or no more. In seconds worked out by hand."""

from math import inf

import pytest

from gateway.scheduling.popularity import Popularity
from gateway.scheduling.ticket import Priority

PEOPLE, BATCH = Priority.INTERACTIVE, Priority.BATCH


def asked_at(*times: float, priority: Priority = PEOPLE) -> Popularity:
    popularity = Popularity()
    for time in times:
        popularity.asked(time, priority)
    return popularity


def test_never_asked_for_is_never_expected() -> None:
    assert Popularity().gap(5.0) == inf


def test_a_few_requests_say_nothing_yet() -> None:
    popularity = asked_at(0, 1, 2)
    assert not popularity.has_a_habit
    assert popularity.gap(3.0) == 60.0
    assert popularity.gap(102.0) == 100.0


def test_a_clock_is_expected_at_its_next_stroke() -> None:
    popularity = asked_at(0, 10, 20, 30)
    assert popularity.has_a_habit
    assert (popularity.mean, popularity.variance) == (10.0, 0.0)
    assert [popularity.gap(now) for now in (30, 34, 38, 45)] == [10.0, 6.0, 2.0, 5.0]


def test_who_has_stopped_coming_is_expected_later_and_later() -> None:
    popularity = asked_at(0, 10, 20, 30)
    assert popularity.gap(50.0) == 10.0
    assert popularity.gap(51.0) == 21.0
    assert popularity.gap(130.0) == 100.0


def test_gaps_are_averaged_equally_at_first_then_with_a_fifth_for_the_newest() -> None:
    popularity = asked_at(0, 10, 30)
    assert popularity.mean == pytest.approx(15.0)
    assert popularity.variance == pytest.approx(25.0)
    for time in (45, 60, 75):
        popularity.asked(time, PEOPLE)
    assert popularity.mean == pytest.approx(15.0)
    popularity.asked(115, PEOPLE)
    assert popularity.mean == pytest.approx(15.0 + 0.2 * 25.0)


def test_who_comes_at_random_is_expected_after_the_usual_gap() -> None:
    popularity = Popularity(last=100.0, mean=10.0, variance=100.0, gaps=9)
    assert popularity.gap(104.0) == 10.0
    assert popularity.gap(115.0) == 15.0
    half = Popularity(last=100.0, mean=10.0, variance=50.0, gaps=9)
    assert half.gap(104.0) == pytest.approx(0.5 * 6.0 + 0.5 * 10.0)


def test_many_at_the_same_moment_are_expected_at_once() -> None:
    popularity = asked_at(5, 5, 5, 5, 5)
    assert popularity.gap(5.0) == 0.0
    assert popularity.gap(6.0) == 1.0


def test_weight_is_one_for_people_and_falls_for_batch() -> None:
    assert asked_at(0, 1).weight == 1.0
    assert asked_at(0, priority=BATCH).weight == 0.25
    popularity = asked_at(0, 1)
    popularity.asked(2, BATCH)
    assert popularity.weight == pytest.approx(1.0 + 0.2 * (0.25 - 1.0))
    popularity.asked(3, PEOPLE)
    assert popularity.weight == pytest.approx(0.85 + 0.2 * 0.15)
