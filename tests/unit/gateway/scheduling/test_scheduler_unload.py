"""Leaving memory on purpose: idle time, the operator, pins, and the end of the process."""

import pytest

from backends.contract import BackendState
from backends.errors import Cause
from gateway.scheduling.limits import Limits
from gateway.scheduling.ticket import TicketState
from tests.fakes.effects import Stage, machine, model

A = model("a")
B = model("b")


def test_an_idle_model_is_unloaded_after_its_time_and_comes_back_on_demand() -> None:
    stage = Stage(limits=Limits(idle_unload=60))
    stage.resident(A)
    stage.tick(59)
    assert stage.state("a") is BackendState.READY
    stage.tick(1)
    assert stage.effects.stopped == [("a", "idle")]
    ticket = stage.ask(A)
    assert ticket.state is TicketState.WAITING
    stage.gone("a")
    assert stage.effects.started == ["a", "a"]
    stage.loaded("a")
    assert stage.is_granted(ticket)


@pytest.mark.parametrize(("own", "after"), [(5.0, 5.0), (120.0, 120.0), (0.0, 0.0)])
def test_a_variant_may_have_its_own_idle_time(own: float, after: float) -> None:
    stage = Stage(limits=Limits(idle_unload=60))
    stage.resident(model("a", idle_unload_seconds=own))
    if after:
        stage.tick(after - 1)
        assert stage.stops == []
        stage.tick(1)
    else:
        stage.tick(0)
    assert stage.stops == ["a"]


def test_use_restarts_the_idle_time_and_running_requests_hold_it_off() -> None:
    stage = Stage(limits=Limits(idle_unload=60))
    stage.resident(A)
    stage.tick(50)
    ticket = stage.ask(A)
    stage.tick(1000)
    assert stage.stops == []
    stage.give_back(ticket)
    stage.tick(59)
    assert stage.stops == []
    stage.tick(1)
    assert stage.stops == ["a"]


def test_a_pinned_model_is_neither_unloaded_for_idleness_nor_evicted() -> None:
    stage = Stage(limits=Limits(idle_unload=60))
    stage.resident(model("a", pin=True))
    stage.tick(1000)
    assert stage.stops == []
    assert stage.error(stage.ask(B)).cause is Cause.NO_CAPACITY
    assert stage.stops == []


def test_unpinning_lets_a_waiting_load_begin_at_once() -> None:
    stage = Stage(machine(10, 10))
    stage.resident(model("a", pin=True))
    busy = stage.ask(model("c"))
    stage.loaded("c")
    waiting = stage.ask(B)
    assert waiting.state is TicketState.WAITING
    stage.scheduler.on_pin("a", pinned=False)
    assert stage.stops == ["a"]
    stage.gone("a")
    stage.loaded("b")
    assert stage.is_granted(waiting)
    stage.give_back(busy)


def test_pinning_by_hand() -> None:
    stage = Stage()
    stage.resident(A)
    stage.scheduler.on_pin("a", pinned=True)
    assert stage.error(stage.ask(B)).cause is Cause.NO_CAPACITY


def test_a_pin_calls_off_an_unload_that_still_drains_and_comes_too_late_for_one_that_stops() -> None:
    stage = Stage()
    running, waiting = stage.ask(A), stage.ask(A)
    stage.loaded("a")
    stage.scheduler.on_unload("a")
    stage.scheduler.on_pin("a", pinned=True)
    stage.give_back(running)
    assert stage.is_granted(waiting)
    stage.give_back(waiting)
    assert stage.stops == []
    stage.scheduler.on_unload("a")
    stage.scheduler.on_pin("a", pinned=True)
    waiting = stage.ask(B)
    assert waiting.state is TicketState.WAITING, "what leaves is not in the way for good"
    stage.gone("a")
    stage.loaded("b")
    assert stage.is_granted(waiting)


def test_a_pinned_load_tells_older_waiters_at_once_that_their_room_is_gone() -> None:
    stage = Stage(machine(16))
    stage.ask(A)
    waiting = stage.ask(model("e", 16))
    assert waiting.state is TicketState.WAITING
    stage.ask(model("p", 3, pin=True))
    assert stage.error(waiting).cause is Cause.NO_CAPACITY


def test_the_operator_unloads_an_idle_model_even_a_pinned_one() -> None:
    stage = Stage()
    stage.resident(model("a", pin=True))
    assert stage.scheduler.on_unload("a") is True
    assert stage.stops == ["a"]
    assert stage.scheduler.on_unload("a") is False, "it is leaving already"
    stage.gone("a")
    assert stage.state("a") is None


def test_an_unload_drains_first_and_what_comes_meanwhile_is_served_by_a_reload() -> None:
    stage = Stage()
    two = model("a", slots=2)
    first, second = stage.ask(two), stage.ask(two)
    stage.loaded("a")
    assert stage.scheduler.on_unload("a") is True
    assert stage.scheduler.on_unload("a") is True, "asking twice is no error"
    late = stage.ask(two)
    assert stage.scheduler.grant_now(two) is None
    stage.give_back(first)
    assert stage.stops == [], "one still runs"
    assert late.state is TicketState.WAITING
    stage.give_back(second)
    assert stage.stops == ["a"]
    stage.gone("a")
    assert stage.effects.started == ["a", "a"]
    stage.loaded("a")
    assert stage.is_granted(late)
    stage.give_back(late)
    assert stage.stops == ["a"], "the drain was for the old one"


def test_unloading_what_is_still_loading_and_nobody_waits_for() -> None:
    stage = Stage()
    ticket = stage.ask(A)
    assert stage.scheduler.on_unload("a") is True
    stage.scheduler.on_cancel(ticket)
    stage.loaded("a")
    assert stage.stops == ["a"]


def test_unloading_what_is_still_loading_serves_its_waiters_first_then_unloads() -> None:
    stage = Stage()
    two = model("a", slots=2)
    first, second, third = stage.ask(two), stage.ask(two), stage.ask(two)
    assert stage.scheduler.on_unload("a") is True
    stage.loaded("a")
    assert [stage.is_granted(t) for t in (first, second, third)] == [True, True, False]
    stage.give_back(first)
    assert third.state is TicketState.WAITING, "it drains: the third is for the reload"
    stage.give_back(second)
    assert stage.stops == ["a"]
    stage.gone("a")
    stage.loaded("a")
    assert stage.is_granted(third)


def test_unloading_a_loading_model_whose_waiters_vanish_at_the_grant() -> None:
    stage = Stage()
    lost = stage.ask(A)
    stage.scheduler.on_unload("a")
    stage.effects.gone.add(lost.id)
    stage.loaded("a")
    assert stage.stops == ["a"]


def test_a_crash_during_the_drain_of_an_unload_never_stops_the_successor() -> None:
    stage = Stage()
    old = stage.ask(A)
    stage.loaded("a")
    stage.scheduler.on_unload("a")
    stage.scheduler.on_exited("a", "signal 9")
    stage.gone("a")
    fresh = stage.ask(A)
    stage.loaded("a")
    assert stage.is_granted(fresh)
    stage.give_back(old)
    assert stage.stops == ["a"], "what the crash left, and nothing after it"
    assert stage.state("a") is BackendState.READY
    assert stage.scheduler.in_flight == 1


def test_drain_refuses_what_waits_and_what_comes_but_not_what_runs() -> None:
    stage = Stage()
    running, queued = stage.ask(A), stage.ask(A)
    stage.loaded("a")
    cold = stage.ask(B)
    stage.scheduler.on_drain()
    for ticket in (queued, cold, stage.ask(A), stage.ask(B)):
        assert stage.error(ticket).cause is Cause.DRAINING
    assert stage.scheduler.in_flight == 1
    stage.give_back(running)
    assert stage.scheduler.in_flight == 0
    assert stage.scheduler.grant_now(A) is None
    assert stage.stops == []


def test_drain_while_an_eviction_is_under_way_starts_nothing() -> None:
    stage = Stage()
    stage.resident(A)
    stage.ask(B)
    stage.scheduler.on_drain()
    stage.gone("a")
    assert stage.effects.started == ["a"]
    assert list(stage.scheduler.occupants) == []


def test_drain_while_loading_ends_in_an_idle_resident() -> None:
    stage = Stage()
    stage.ask(A)
    stage.scheduler.on_drain()
    stage.loaded("a")
    assert stage.state("a") is BackendState.READY
    assert stage.effects.granted == []
