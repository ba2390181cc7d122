"""Whose turn it is: what a line has waited against what a swap costs."""

import pytest

from gateway.scheduling.device import Inventory
from gateway.scheduling.ticket import Ticket, TicketState
from tests.fakes.effects import Stage, machine, model

A = model("a", load_seconds=10)
B = model("b", load_seconds=10)
SWAP = 20.0


def test_who_is_in_use_is_moved_once_the_line_has_waited_what_a_swap_costs() -> None:
    two = model("a", slots=2, load_seconds=10)
    stage = Stage()
    (held,) = stage.running(two)
    waiting = stage.ask(B)
    stage.tick(SWAP - 1)
    assert stage.scheduler.grant_now(two) is not None, "until then younger requests pass"
    stage.tick(1)
    assert stage.scheduler.grant_now(two) is None, "now it takes no new ones"
    occupant = stage.scheduler.occupants.get("a")
    assert occupant is not None
    stage.scheduler.on_released(occupant, 1.0)
    assert stage.stops == [], "what runs is never cut"
    stage.give_back(held)
    assert stage.stops == ["a"]
    stage.settle()
    assert stage.is_granted(waiting)


def test_many_who_wait_count_together() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    for _ in range(10):
        stage.ask(B)
    late = stage.ask(A)
    stage.tick(SWAP / 10 + 0.1)
    stage.give_back(held)
    assert not stage.is_granted(late)
    assert stage.stops == ["a"]


def test_a_fresh_load_first_serves_those_who_waited_for_it() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    mine = [stage.ask(B) for _ in range(3)]
    stage.tick(SWAP)
    theirs = stage.ask(A)
    stage.give_back(held)
    stage.settle()
    for ticket in mine:
        assert stage.is_granted(ticket)
        stage.tick(1)
        stage.give_back(ticket)
    stage.settle()
    assert stage.is_granted(theirs)
    assert stage.effects.started == ["a", "b", "a"]


def test_the_turn_ends_early_only_for_who_is_overdue_and_when_the_load_was_worth_it() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    mine = [stage.ask(B)]
    stage.tick(SWAP)
    stage.give_back(held)
    theirs = stage.ask(A, timeout=1e6)
    mine += [stage.ask(B) for _ in range(40)]
    stage.settle()
    served = 0
    while not stage.effects.stopping:
        stage.tick(4)
        stage.give_back(mine[served], held=4.0)
        served += 1
    assert served < 35, "passed for longer than those ahead of it explain"
    assert served * 4 >= SWAP
    stage.settle()
    assert stage.is_granted(theirs)


def test_who_rests_leaves_at_once() -> None:
    stage = Stage()
    stage.resident(A)
    stage.tick(1)
    stage.ask(B)
    assert stage.stops == ["a"]


def test_a_waiting_line_that_leaves_ends_the_holding_back() -> None:
    two = model("a", slots=2, load_seconds=10)
    stage = Stage()
    stage.running(two)
    waiting = stage.ask(B)
    stage.tick(SWAP)
    assert stage.scheduler.grant_now(two) is None
    stage.scheduler.on_cancel(waiting)
    assert stage.scheduler.grant_now(two) is not None


def test_a_line_of_short_deadlines_has_its_turn_too() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    for _ in range(4):
        impatient = stage.ask(B, timeout=5)
        stage.tick(5)
        assert impatient.state is TicketState.REFUSED
    stage.ask(B, timeout=5)
    stage.tick(0.1)
    younger = stage.ask(A)
    stage.give_back(held)
    assert not stage.is_granted(younger)
    assert stage.stops == ["a"]


def test_nobody_takes_the_memory_that_an_older_line_is_collecting() -> None:
    stage = Stage(machine(12))
    (held,) = stage.running(A)
    large = stage.ask(model("large", 12, load_seconds=10), timeout=1e6)
    stage.tick(SWAP)
    small = stage.ask(model("small", 2))
    assert stage.effects.starting == [], "two of the twelve are free, and spoken for"
    stage.give_back(held)
    stage.settle()
    assert stage.is_granted(large)
    assert small.state is TicketState.WAITING


def test_what_an_older_line_does_not_need_may_be_used() -> None:
    stage = Stage(machine(12))
    stage.running(A)
    stage.ask(B, timeout=1e6)
    stage.tick(SWAP)
    stage.ask(model("small", 2))
    assert stage.effects.starting == ["small"]


def test_a_starving_large_model_is_not_overtaken_by_small_loads() -> None:
    stage = Stage(machine(10))
    small = [model(f"s{i}", 5, load_seconds=5) for i in range(6)]
    large = stage.ask(model("large", 10, load_seconds=10), timeout=1e9)
    stage.scheduler.on_cancel(large)
    held = [stage.ask(small[0]), stage.ask(small[1])]
    stage.settle()
    large = stage.ask(model("large", 10, load_seconds=10), timeout=1e9)
    for turn in range(100):
        held.append(stage.ask(small[turn % 6], timeout=1e9))
        stage.tick(1)
        for ticket in tuple(held):
            if ticket.id in stage.effects.leases:
                stage.give_back(ticket)
                held.remove(ticket)
                break
        stage.settle()
        if large.state is TicketState.GRANTED:
            break
    assert large.state is TicketState.GRANTED
    assert stage.effects.clock - large.enqueued < 60


def alternate(seconds: int, every: float) -> Stage:
    """A and B asked for in turn, one request of a second each, on a machine for one of them; loads take 10 s."""
    stage = Stage()
    loading: dict[str, float] = {}
    ends: dict[int, float] = {}
    asked: list[Ticket] = []
    for step in range(seconds * 2):
        stage.tick(0.5)
        now = stage.effects.clock
        if len(asked) * every <= step / 2:
            asked.append(stage.ask((A, B)[len(asked) % 2], timeout=1e9))
        for name in tuple(stage.effects.stopping):
            stage.gone(name)
        for name in tuple(stage.effects.starting):
            if now >= loading.setdefault(name, now + 10):
                del loading[name]
                stage.loaded(name)
        for ticket in asked:
            if ticket.id in stage.effects.leases and now >= ends.setdefault(ticket.id, now + 1):
                stage.give_back(ticket)
    waited = [t for t in asked if t.state is TicketState.WAITING and stage.effects.clock - t.enqueued > 90]
    assert waited == [], "nobody starves"
    return stage


@pytest.mark.parametrize("every", [2.0, 5.0])
def test_alternating_models_on_one_device_are_served_in_batches(every: float) -> None:
    stage = alternate(600, every)
    assert 4 <= len(stage.effects.started) <= 600 / 12, "of what would be a load for each request"


def test_rare_requests_swap_at_once() -> None:
    stage = alternate(600, 30.0)
    assert len(stage.effects.started) == 20, "each request finds the other model at rest: nothing is won by waiting"


def test_the_swap_that_the_design_tells() -> None:
    """The trace of DESIGN.md, event by event."""
    stage = Stage()
    (a0,) = stage.running(A)
    b1 = stage.ask(B)
    stage.tick(12)
    a1 = stage.ask(A)
    stage.give_back(a0)
    assert stage.is_granted(a1), "B has waited 12 of the 20 seconds that a swap costs"
    stage.tick(9)
    a2 = stage.ask(A)
    stage.give_back(a1)
    assert not stage.is_granted(a2)
    assert stage.stops == ["a"]
    stage.gone("a")
    assert stage.effects.starting == ["b"]
    stage.loaded("b")
    assert stage.is_granted(b1)
    stage.give_back(b1)
    assert stage.stops == ["a", "b"]
    stage.gone("b")
    stage.loaded("a")
    assert stage.is_granted(a2)


def test_the_swap_that_the_design_tells_without_its_client() -> None:
    stage = Stage()
    (a0,) = stage.running(A)
    b1 = stage.ask(B)
    stage.tick(21)
    a3 = stage.ask(A)
    stage.give_back(a0)
    assert stage.stops == ["a"]
    stage.scheduler.on_cancel(b1)
    stage.gone("a")
    assert stage.effects.started == ["a", "a"]
    stage.loaded("a")
    assert stage.is_granted(a3)


def test_an_empty_machine_has_no_turns() -> None:
    stage = Stage(Inventory(()))
    ticket = stage.ask(A)
    assert ticket.state is TicketState.REFUSED


def test_a_load_counts_from_nothing_whom_it_served() -> None:
    stage = Stage()
    stage.resident(A)
    occupant = stage.scheduler.occupants.get("a")
    assert occupant is not None
    assert occupant.served == 1
    stage.resident(B)
    stage.resident(A)
    again = stage.scheduler.occupants.get("a")
    assert again is not None
    assert (again.served, again.gate) == (1, 1)
