"""Whether a call may be paid for."""

import pytest

from backends.errors import Cause
from gateway.spending.budget import Budget, Spent, budget_of, day_of, left, month_of, refusal

FREE = Budget(day=None, month=None)
NANO = 10**9


def bound(estimate: int, key: Budget, gateway: Budget = FREE, **spent: int) -> tuple[str, int] | None:
    refused = refusal(estimate, key, gateway, Spent(**spent))
    return None if refused is None else (refused.bound, refused.left)


def test_by_default_nothing_may_be_spent_not_even_nothing():
    assert bound(1, Budget()) == ("key_day", 0)
    assert bound(0, Budget()) == ("key_day", 0)
    assert bound(0, FREE, Budget()) == ("gateway_day", 0)
    assert left(Budget(), FREE, Spent()) == 0


def test_without_limits_everything_may():
    assert bound(10**15, FREE) is None
    assert left(FREE, FREE, Spent(key_day=5)) is None


@pytest.mark.parametrize("name", ["key_day", "key_month", "gateway_day", "gateway_month"])
def test_each_budget_is_held_to_its_last_billionth(name):
    whose, span = name.split("_")
    limited = Budget(**{"day": None, "month": None, span: 100})
    budgets = (limited, FREE) if whose == "key" else (FREE, limited)
    assert bound(40, *budgets, **{name: 60}) is None
    assert bound(41, *budgets, **{name: 60}) == (name, 40)
    assert bound(1, *budgets, **{name: 100}) == (name, 0)
    assert bound(1, *budgets, **{name: 250}) == (name, 0), "spent more than was reserved"
    others = {n: 10**12 for n in ("key_day", "key_month", "gateway_day", "gateway_month") if n != name}
    assert bound(40, *budgets, **{name: 60}, **others) is None
    assert left(*budgets, Spent(**{name: 60})) == 40
    assert left(*budgets, Spent(**{name: 250})) == 0


def test_one_request_has_a_bound_of_its_own():
    key = Budget(day=1_000, month=None, request=50)
    assert bound(50, key) is None
    assert bound(51, key) == ("request", 50)
    assert left(key, FREE, Spent()) == 50
    assert left(key, FREE, Spent(key_day=970)) == 30
    assert bound(0, Budget(day=1_000, month=None, request=0)) == ("request", 0)


def test_the_tightest_bound_is_named():
    key = Budget(day=100, month=60, request=90)
    assert bound(95, key, key_day=10, key_month=10) == ("key_month", 50)
    assert bound(95, key, Budget(day=20, month=None), key_month=10) == ("gateway_day", 20)


def test_who_gives_one_of_day_and_month_means_no_limit_by_the_other():
    assert budget_of(day=None, month=None) == Budget(day=0, month=0)
    assert budget_of(day=None, month=None, request=5) == Budget(day=0, month=0, request=5)
    assert budget_of(day=None, month=7) == Budget(day=None, month=7)
    assert budget_of(day=3, month=None) == Budget(day=3, month=None)
    assert budget_of(day=0, month=9) == Budget(day=0, month=9)


def test_a_refusal_says_what_is_left_of_the_keys_own():
    refused = refusal(NANO // 2, Budget(day=NANO, month=None), FREE, Spent(key_day=3 * NANO // 4))
    error = refused.error()
    assert error.cause is Cause.BUDGET_EXCEEDED
    assert error.detail == "this request may cost $0.50, and $0.25 is left of this key's cloud budget for today"
    spent = refusal(NANO // 2, Budget(day=None, month=NANO), FREE, Spent(key_month=NANO)).error()
    assert "nothing is left of this key's cloud budget for this month" in spent.detail


def test_a_refusal_does_not_say_what_others_spend():
    error = refusal(NANO // 2, FREE, Budget(day=NANO, month=None), Spent(gateway_day=3 * NANO // 4)).error()
    assert "less is left of the gateway's cloud budget for today" in error.detail
    assert "0.25" not in error.detail
    assert "$0.25" in error.private


def test_days_and_months_are_those_of_utc():
    assert [day_of(at) for at in (0.0, 86_399.999, 86_400.0)] == ["1970-01-01", "1970-01-01", "1970-01-02"]
    assert month_of(day_of(1_796_083_199.5)) == "2026-11"
    assert month_of(day_of(1_796_083_200.0)) == "2026-12"
