"""What an advance lends, when, and what it asks the database for."""

import pytest

from gateway.spending.advance import ALIVE_SECONDS, IDLE_SECONDS, Advance
from gateway.spending.budget import Budget
from gateway.spending.entry import Call

DAY = "2026-11-29"
BUDGET = Budget(day=1000, month=None)
CALL = Call(key="k", model="m", provider="p", request_id="r")


def advance(free: int = 100, now: float = 0.0) -> Advance:
    """Taken at ``now``."""
    made = Advance("k", DAY, now)
    posting = made.posting(now)
    made.written(posting)
    made.drawn(made.want(10, BUDGET, now), free)
    return made


def lent(made: Advance, estimate: int, name: str = "c", now: float = 0.0, seconds: float = 600.0) -> None:
    assert made.fits(estimate, BUDGET, DAY, now)
    made.hold(name, CALL, estimate, seconds, now)


def test_it_lends_what_it_has_and_no_more():
    made = advance(100)
    lent(made, 60)
    assert (made.free, made.held) == (40, 100)
    assert made.fits(40, BUDGET, DAY, 0)
    assert not made.fits(41, BUDGET, DAY, 0)


@pytest.mark.parametrize(
    ("budget", "day", "now", "fits"),
    [
        (BUDGET, DAY, 0.0, True),
        (Budget(day=1000, month=None, request=5), DAY, 0.0, True),
        (Budget(day=999, month=None), DAY, 0.0, False),
        (Budget(day=1000, month=5), DAY, 0.0, False),
        (BUDGET, "2026-11-30", 0.0, False),
        (BUDGET, DAY, ALIVE_SECONDS - 1, True),
        (BUDGET, DAY, ALIVE_SECONDS, False),
    ],
)
def test_only_under_its_budget_on_its_day_and_while_others_believe_in_it(budget, day, now, fits):
    assert advance().fits(10, budget, day, now) is fits


def test_it_lends_nothing_before_it_was_taken_nor_after_it_was_retired():
    assert not Advance("k", DAY, 0.0).fits(0, Budget(), DAY, 0.0)
    made = advance()
    made.posting(0.0, close=True)
    assert not made.fits(0, BUDGET, DAY, 0.0)
    lost = advance()
    lost.lost()
    assert (lost.free, lost.fits(0, BUDGET, DAY, 0.0)) == (0, False)


def test_what_a_call_did_not_cost_is_free_again():
    made = advance(100)
    for name in ("cheap", "free", "unknown", "dear"):
        lent(made, 20, name)
    made.settle("cheap", 5, 1.0)
    assert (made.free, made.held) == (35, 95)
    made.release("free")
    assert (made.free, made.held) == (55, 95)
    made.doubt("unknown", 2.0)
    assert (made.free, made.held) == (55, 75)
    made.settle("dear", 45, 3.0)
    assert (made.free, made.held) == (30, 30)
    assert [(row.id, row.state, row.reserved, row.spent, row.ended_at) for row in made.ended] == [
        ("cheap", "settled", 20, 5, 1.0), ("unknown", "unknown", 20, 0, None), ("dear", "settled", 20, 45, 3.0),
    ]  # fmt: skip
    assert {(row.key, row.model, row.provider, row.request_id, row.day) for row in made.ended} == {
        ("k", "m", "p", "r", DAY)
    }


def test_what_cost_more_than_there_is_takes_nothing_of_other_calls():
    made = advance(30)
    lent(made, 10, "dear")
    lent(made, 20, "other")
    made.settle("dear", 500, 1.0)
    assert (made.free, made.held) == (0, 20)


def test_a_posting_says_all_and_what_it_gives_back_is_used_no_more():
    made = advance(100)
    lent(made, 30, "under way")
    lent(made, 10, "ended")
    made.settle("ended", 4, 1.0)
    posting = made.posting(2.0, back=made.free)
    assert (posting.keep, posting.back, made.free) == (30, 66, 0)
    assert [call.id for call in posting.calls] == ["ended"]
    assert posting.due_at == 2.0 + ALIVE_SECONDS
    made.refused(posting)
    assert (made.free, len(made.ended)) == (66, 1)


def test_what_ends_while_a_posting_is_written_is_for_the_next():
    made = advance(100)
    for name in ("one", "two"):
        lent(made, 10, name)
    made.settle("one", 4, 1.0)
    posting = made.posting(1.0)
    made.settle("two", 4, 1.0)
    made.written(posting)
    assert [call.id for call in made.ended] == ["two"]
    assert made.free == 100 - 4 - 4


def test_a_failure_is_posted_again_and_may_hold_room():
    made = advance(0)
    assert not made.unused
    assert made.due(1.0, DAY) is None
    made.unsure()
    assert made.unused
    posting = made.due(1.0, DAY)
    assert posting is not None
    made.written(posting)
    assert made.due(1.0, DAY) is None


def test_it_asks_for_many_usual_calls_and_for_more_where_they_come_quickly():
    made = Advance("k", DAY, 0.0)
    sizes = [made.want(10, BUDGET, float(now)).most for now in (0, 1, 2, 3, 4, 5, 100)]
    assert sizes == [10 + 10 * calls for calls in (16, 32, 64, 128, 256, 256, 16)]


def test_a_call_that_is_large_beside_the_others_has_a_row_of_its_own():
    made = Advance("k", DAY, 0.0)
    assert not made.is_large(10**9), "nobody knows yet"
    for _ in range(10):
        made.expect(10)
    assert not made.is_large(80)
    assert made.is_large(81)
    for _ in range(5):
        made.expect(500)
    assert not made.is_large(500), "it learns"


def test_it_asks_for_more_in_time_but_not_at_every_call():
    made = advance(160)
    lent(made, 10)
    assert not made.runs_low(0.0)
    for number in range(12):
        lent(made, 10, str(number))
    assert made.runs_low(0.0)
    want = made.more(0.0)
    assert (want.least, want.budget) == (10, BUDGET)
    assert want.most > want.least
    assert not made.runs_low(0.5)
    assert made.runs_low(1.0)
    made.filling = True
    assert not made.runs_low(9.0)


def test_what_nobody_uses_is_given_back_after_a_while():
    made = advance(100)
    lent(made, 10)
    assert made.due(IDLE_SECONDS - 1, DAY) is None
    posting = made.due(IDLE_SECONDS, DAY)
    assert posting is not None
    assert (posting.keep, posting.back, posting.close) == (10, 90, False), "a call is under way"
    made.written(posting)
    made.settle("c", 3, IDLE_SECONDS)
    last = made.due(IDLE_SECONDS, DAY)
    assert last is not None
    assert (last.keep, last.close, len(last.calls)) == (0, True, 1)


def test_another_days_is_given_back_at_once():
    posting = advance(100).due(1.0, "2026-11-30")
    assert posting is not None
    assert (posting.keep, posting.close) == (0, True)


def test_more_than_is_wanted_is_given_back():
    """As when many calls that ran at once have ended."""
    made = advance(1000)
    lent(made, 10)
    posting = made.due(1.0, DAY)
    assert posting is not None
    assert (posting.back, made.free, posting.close) == (990 - 160, 160, False)


def test_it_is_kept_alive_while_calls_are_under_way():
    made = advance(100)
    lent(made, 10, seconds=10_000.0)
    seen = [
        now for now in range(0, 2000, 15) if (posting := made.due(float(now), DAY)) and made.written(posting) is None
    ]
    assert all(later - sooner < ALIVE_SECONDS for sooner, later in zip([0, *seen], seen, strict=False))
    assert len(seen) < 20


def test_a_call_that_nobody_ended_is_overdue():
    made = advance(100)
    lent(made, 10, "soon", seconds=5.0)
    lent(made, 10, "late", seconds=50.0)
    assert made.overdue(5.0) == ()
    assert made.overdue(6.0) == ("soon",)
