"""What may happen to a call in the account."""

from itertools import product
from typing import get_args

import pytest

from gateway.spending.entry import OPEN, Entry, Event, State, after, new_id

ENTRY = Entry(
    id="spend_1", key="k", model="m", provider="p", request_id="", state="reserved", day="2026-11-29", reserved=70,
    spent=0, created_at=1.0, due_at=2.0,
)  # fmt: skip

TURNS = {
    ("reserved", "settle"): "settled",
    ("unknown", "settle"): "settled",
    ("released", "settle"): "settled",
    ("reserved", "release"): "released",
    ("unknown", "release"): "released",
    ("reserved", "doubt"): "unknown",
}


@pytest.mark.parametrize(("state", "event"), list(product(get_args(State), get_args(Event))))
def test_each_event_in_each_state(state, event):
    assert after(state, event) == TURNS.get((state, event))


@pytest.mark.parametrize("event", get_args(Event))
def test_nothing_happens_twice(event):
    reached = after("reserved", event)
    assert after(reached, event) is None


@pytest.mark.parametrize("state", get_args(State))
def test_what_is_open_counts_in_full_and_what_has_ended_by_what_it_cost(state):
    entry = Entry(**{**{f: getattr(ENTRY, f) for f in ENTRY.__struct_fields__}, "state": state, "spent": 9})
    assert entry.counted == (70 if state in OPEN else 9)


def test_ids_do_not_repeat():
    assert len({new_id() for _ in range(100)}) == 100
