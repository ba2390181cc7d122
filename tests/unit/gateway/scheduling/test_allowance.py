"""How many requests an engine is given, from what it says: less at once, more by and by, never none."""

from hypothesis import given
from hypothesis import strategies as st

from backends.contract import Pressure
from gateway.scheduling.allowance import Allowance, allowance

SLOTS = 64
NUMBERS = st.integers(0, 200)
SAID = st.builds(
    lambda running, waiting, usage: Pressure(running=running, waiting=waiting, cache_usage=usage),
    NUMBERS, NUMBERS, st.floats(0, 1),
)  # fmt: skip


def after(*said: tuple[int, int, float], in_flight: int = 40, slots: int = SLOTS) -> list[int | None]:
    """Allowed slots after each of ``said``: running, waiting, usage."""
    state, seen = Allowance(), []
    for running, waiting, usage in said:
        state = allowance(state, Pressure(running=running, waiting=waiting, cache_usage=usage), in_flight, slots)
        seen.append(state.slots)
    return seen


def test_an_engine_at_ease_has_all_its_slots():
    assert after((40, 0, 0.5), (40, 0, 0.85)) == [None, None]


def test_a_queue_counts_when_it_stays():
    assert after((30, 10, 0.5), (40, 0, 0.5), (30, 10, 0.5)) == [None, None, None], "prompts that came together"
    assert after((30, 10, 0.5), (30, 10, 0.5), (30, 10, 0.5), (30, 10, 0.5)) == [None, 48, 36, 30]


def test_a_full_cache_counts_at_once():
    assert after((40, 0, 0.91)) == [40]


def test_what_others_have_in_it_is_not_ours_to_keep():
    assert after((60, 5, 0.95), in_flight=3) == [3]
    assert after((60, 5, 0.95), in_flight=0) == [1], "never none"


def test_it_rises_by_halves_and_falls_no_further_while_nothing_changes():
    calm = [(10, 0, 0.3)] * 6
    assert after((10, 30, 0.95), *calm)[:3] == [10, 15, 22]
    assert after((10, 30, 0.95), *calm)[3] is None, "half of it is not used: it holds nobody back"
    full = [(10, 0, 0.3), (15, 0, 0.3), (22, 0, 0.3), (33, 0, 0.3), (49, 0, 0.3)]
    assert after((10, 30, 0.95), *full) == [10, 15, 22, 33, 49, None]
    assert after((10, 30, 0.95), (10, 0, 0.85), (10, 0, 0.81), (10, 1, 0.3)) == [10, 10, 10, 10], "in between it stays"
    assert after((1, 30, 0.95), (1, 0, 0.1), (2, 0, 0.1)) == [1, 2, 3]


@given(st.lists(st.tuples(SAID, NUMBERS), max_size=30), st.integers(1, 256))
def test_always_at_least_one_and_never_more_than_its_own(course, slots):
    state = Allowance()
    for said, in_flight in course:
        state = allowance(state, said, in_flight, slots)
        assert state.slots is None or 1 <= state.slots < slots


@given(st.lists(st.tuples(SAID, NUMBERS), max_size=30), st.integers(1, 256))
def test_all_its_slots_are_back_soon_after_it_is_at_ease(course, slots):
    state = Allowance()
    for said, in_flight in course:
        state = allowance(state, said, in_flight, slots)
    for _ in range(14):
        state = allowance(state, Pressure(running=1, waiting=0, cache_usage=0.2), 1, slots)
    assert state.slots is None


@given(SAID, st.integers(1, 200), st.integers(1, 256))
def test_a_report_of_strain_never_gives_more(said, in_flight, slots):
    before = Allowance(slots=max(1, slots // 2), queued=1)
    strained = said.waiting > 0 or said.cache_usage > 0.9
    now = allowance(before, said, in_flight, slots).slots or slots
    if strained:
        assert now <= max(1, slots // 2)
