"""Loads that fail, engines that die, and the cool-down after it."""

import pytest

from backends.contract import BackendState
from backends.errors import BackendError, Cause
from gateway.scheduling.ticket import TicketState
from tests.fakes.effects import Stage, machine, model

A = model("a")
B = model("b")


def test_a_failed_load_refuses_its_waiters_and_cools_down_doubling_to_ten_minutes() -> None:
    stage = Stage()
    for expected in (30, 60, 120, 240, 480, 600, 600, 600):
        ticket = stage.ask(A)
        stage.failed("a")
        error = stage.error(ticket)
        assert error.cause is Cause.LOAD_FAILED
        assert error.retry_after == expected
        stage.effects.clock += expected - 1
        early = stage.ask(A)
        assert stage.error(early).cause is Cause.LOAD_FAILED
        assert stage.error(early).retry_after == pytest.approx(1.0)
        stage.effects.clock += 2


def test_a_long_quiet_time_after_the_cool_down_forgives() -> None:
    stage = Stage()
    for _ in range(6):
        stage.ask(A)
        stage.failed("a")
        stage.effects.clock += 601
    stage.effects.clock += 600
    ticket = stage.ask(A)
    stage.failed("a")
    assert stage.error(ticket).retry_after == 30


def test_a_thousand_failures_in_a_row_still_only_cool_down() -> None:
    stage = Stage()
    for _ in range(1100):
        stage.ask(A)
        stage.failed("a")
        stage.effects.clock += 601
    ticket = stage.ask(A)
    stage.failed("a")
    assert stage.error(ticket).retry_after == 600


def test_each_waiter_gets_an_error_of_its_own() -> None:
    stage = Stage()
    tickets = [stage.ask(A) for _ in range(3)]
    stage.failed("a")
    errors = [stage.error(t) for t in tickets]
    assert len({id(e) for e in errors}) == 3, "tracebacks of concurrent requests must not grow on one object"
    assert {(e.cause, e.detail, e.private) for e in errors} == {(Cause.LOAD_FAILED, "a did not start", "tail")}


def test_a_failed_load_gives_its_memory_to_the_next_in_line() -> None:
    stage = Stage()
    stage.ask(A)
    waiting = stage.ask(B)
    assert stage.effects.started == ["a"]
    stage.failed("a")
    assert stage.effects.started == ["a", "b"]
    stage.loaded("b")
    assert stage.is_granted(waiting)


def test_out_of_memory_is_tried_once_more_with_everything_idle_gone() -> None:
    stage = Stage(machine(30))
    stage.resident(model("idle1", 5))
    stage.resident(model("idle2", 5))
    busy = stage.ask(model("busy", 5))
    stage.loaded("busy")
    ticket = stage.ask(A)
    stage.failed("a", Cause.OUT_OF_MEMORY)
    assert stage.stops == ["idle1", "idle2"]
    assert ticket.state is TicketState.WAITING
    stage.gone("idle1")
    assert stage.effects.starting == []
    stage.gone("idle2")
    assert stage.effects.starting == ["a"]
    stage.failed("a", Cause.OUT_OF_MEMORY)
    assert stage.error(ticket).cause is Cause.OUT_OF_MEMORY
    assert stage.error(ticket).retry_after == 30
    assert stage.effects.started.count("a") == 2
    stage.give_back(busy)


def test_out_of_memory_with_nothing_idle_is_a_plain_failure() -> None:
    stage = Stage()
    ticket = stage.ask(A)
    stage.failed("a", Cause.OUT_OF_MEMORY)
    assert stage.error(ticket).cause is Cause.OUT_OF_MEMORY


def test_out_of_memory_evicts_nobody_for_a_load_nobody_waits_for() -> None:
    stage = Stage(machine(30))
    stage.resident(B)
    ticket = stage.ask(A)
    stage.scheduler.on_cancel(ticket)
    stage.failed("a", Cause.OUT_OF_MEMORY)
    assert stage.stops == []
    assert stage.state("a") is None
    assert stage.error(stage.ask(A)).cause is Cause.LOAD_FAILED, "it cools down"


def test_out_of_memory_waits_for_memory_that_is_just_leaving() -> None:
    stage = Stage(machine(20))
    stage.resident(B)
    ticket = stage.ask(A)
    stage.scheduler.on_unload("b")
    stage.failed("a", Cause.OUT_OF_MEMORY)
    assert ticket.state is TicketState.WAITING
    stage.gone("b")
    assert stage.effects.started == ["b", "a", "a"]
    stage.loaded("a")
    assert stage.is_granted(ticket)


def test_an_abandoned_second_try_is_recorded_as_stopped() -> None:
    stage = Stage(machine(30))
    stage.resident(B)
    ticket = stage.ask(A)
    stage.failed("a", Cause.OUT_OF_MEMORY)
    stage.scheduler.on_cancel(ticket)
    stage.gone("b")
    assert stage.state("a") is None
    assert stage.effects.started == ["b", "a"]
    steps = [(t.before, t.after) for t in stage.effects.transitions if t.variant_id == "a"]
    assert steps == [
        (BackendState.STOPPED, BackendState.STARTING),
        (BackendState.STARTING, BackendState.STOPPED),
    ]


def test_the_first_crash_of_a_ready_engine_is_free_the_next_cool_down() -> None:
    stage = Stage()
    running, waiting = stage.ask(A), stage.ask(A)
    stage.loaded("a")
    stage.scheduler.on_exited("a", "signal 9")
    stage.gone("a")
    assert stage.effects.starting == ["a"], "the waiter gets a reload at once"
    assert waiting.state is TicketState.WAITING
    stage.give_back(running)
    stage.loaded("a")
    assert stage.is_granted(waiting)
    queued = stage.ask(A)
    stage.scheduler.on_exited("a", "signal 9")
    assert stage.error(queued).cause is Cause.LOAD_FAILED
    assert stage.error(queued).retry_after == 30
    late = stage.ask(A)
    assert stage.error(late).retry_after == 30
    stage.gone("a")
    assert stage.error(stage.ask(A)).retry_after == 30
    stage.effects.clock += 30
    assert stage.ask(A).state is TicketState.WAITING
    assert stage.effects.starting == ["a"]


def test_a_release_after_the_crash_is_harmless() -> None:
    stage = Stage()
    first = stage.ask(A)
    stage.loaded("a")
    stage.scheduler.on_exited("a", "exit 0")
    assert stage.scheduler.in_flight == 0, "the leases of a dead engine hold nobody up"
    second = stage.ask(A)
    stage.gone("a")
    stage.loaded("a")
    stage.give_back(first)
    assert stage.scheduler.in_flight == 1, "the old lease is not the new one's"
    third = stage.ask(A)
    assert third.state is TicketState.WAITING
    stage.give_back(second)
    assert stage.is_granted(third)


def test_a_victim_that_dies_while_it_is_stopped_still_ends_in_on_stopped() -> None:
    stage = Stage()
    stage.resident(A)
    ticket = stage.ask(B)
    stage.scheduler.on_exited("a", "died while stopping")
    assert stage.effects.starting == [], "the memory is back when the stop says so"
    assert stage.scheduler.failures == {}, "and dying when told to is no crash"
    stage.gone("a")
    stage.loaded("b")
    assert stage.is_granted(ticket)


def test_a_crash_makes_room_for_who_waits() -> None:
    stage = Stage()
    stage.ask(A)
    stage.loaded("a")
    waiting = stage.ask(B)
    stage.scheduler.on_exited("a", "signal 11")
    assert stage.effects.starting == [], "its group may still be dying, with the memory in its hands"
    assert stage.stops == ["a"]
    stage.gone("a")
    assert stage.effects.starting == ["b"]
    stage.loaded("b")
    assert stage.is_granted(waiting)


def test_what_a_crash_leaves_holds_its_bytes_and_serves_nobody() -> None:
    stage = Stage(machine(20))
    running = stage.ask(A)
    stage.loaded("a")
    stage.scheduler.on_pin("a", pinned=True)
    stage.scheduler.on_exited("a", "signal 9")
    assert stage.state("a") is BackendState.STOPPING
    assert stage.scheduler.grant_now(A) is None
    big = stage.ask(model("big", 20))
    stage.give_back(running)
    assert stage.effects.starting == [], "10 of the 20 GiB are not back yet"
    stage.gone("a")
    assert stage.effects.starting == ["big"]
    assert big.state is TicketState.WAITING
    steps = [(t.before, t.after) for t in stage.effects.transitions if t.variant_id == "a"][-3:]
    assert steps == [
        (BackendState.READY, BackendState.FAILED),
        (BackendState.FAILED, BackendState.STOPPING),
        (BackendState.STOPPING, BackendState.STOPPED),
    ]


def test_a_failure_report_for_a_ready_model_is_ignored() -> None:
    stage = Stage()
    stage.resident(A)
    stage.scheduler.on_load_failed("a", BackendError(Cause.LOAD_FAILED, "late"))
    assert stage.state("a") is BackendState.READY


def test_a_deadline_that_passes_is_a_refusal_with_an_estimate() -> None:
    stage = Stage()
    stage.ask(A)
    stage.loaded("a")
    waiting = stage.ask(B, timeout=5)
    stage.tick(4)
    assert waiting.state is TicketState.WAITING
    stage.tick(1)
    error = stage.error(waiting)
    assert error.cause is Cause.NO_CAPACITY
    assert "within 5 s" in error.detail
    assert error.retry_after is not None
    assert error.retry_after > 0
    stage.tick(1)


def test_a_deadline_during_the_load_refuses_and_the_load_goes_on() -> None:
    stage = Stage()
    impatient = stage.ask(A, timeout=5)
    patient = stage.ask(A, timeout=50)
    stage.tick(6)
    assert stage.error(impatient).cause is Cause.NO_CAPACITY
    assert stage.effects.starting == ["a"]
    stage.loaded("a")
    assert stage.is_granted(patient)


def test_a_deadline_of_the_last_waiter_before_the_start_means_no_start() -> None:
    stage = Stage()
    stage.resident(A)
    stage.ask(B, timeout=5)
    stage.tick(6)
    stage.gone("a")
    assert stage.effects.started == ["a"]
    assert stage.state("b") is None
