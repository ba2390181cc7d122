"""Every integer of a range and none besides, counted out."""

import itertools

import pytest

from backends.translate.integer_range import integer_range
from tests.fakes.gbnf import Matcher

BOUNDS = [None, -1000, -101, -100, -99, -10, -9, -1, 0, 1, 9, 10, 19, 99, 100, 101, 999]


@pytest.mark.parametrize(("low", "high"), list(itertools.product(BOUNDS, BOUNDS)))
def test_a_range(low, high):
    body = integer_range(low, high)
    allowed = range(-1100 if low is None else low, 1101 if high is None else high + 1)
    if not body:
        assert len(allowed) == 0
        return
    matcher = Matcher(f"root ::= {body}\n")
    near = {bound + step for bound in BOUNDS if bound is not None for step in (-2, -1, 0, 1, 2)}
    assert {number for number in near if matcher.accepts(str(number))} == near & set(allowed)


def test_numbers_are_written_in_one_way():
    matcher = Matcher(f"root ::= {integer_range(-20, 200)}\n")
    for text in ("007", "-0", "+1", "1.0", " 1", "", "-"):
        assert not matcher.accepts(text)


def test_without_bounds_there_are_sixteen_digits():
    matcher = Matcher(f"root ::= {integer_range(None, None)}\n")
    assert matcher.accepts("9" * 16)
    assert matcher.accepts("-" + "9" * 16)
    assert not matcher.accepts("9" * 17)


def test_bounds_beyond_sixteen_digits_allow_nothing_beyond():
    assert integer_range(10**20, None) == ""
    assert Matcher(f"root ::= {integer_range(5, 10**300)}\n").accepts("5")
