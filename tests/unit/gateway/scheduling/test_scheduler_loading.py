"""Loads: one for everybody, bounded queues, and nothing started for nobody."""

from backends.contract import BackendState
from backends.errors import Cause
from gateway.scheduling.device import HOST
from gateway.scheduling.limits import Limits
from gateway.scheduling.policy import GIB
from gateway.scheduling.ticket import TicketState
from tests.fakes.effects import Stage, machine, model

A = model("a")
B = model("b")


def test_two_hundred_requests_for_a_cold_model_are_one_load() -> None:
    stage = Stage(limits=Limits(queue_size=200))
    tickets = [stage.ask(model("a", slots=8)) for _ in range(200)]
    assert stage.effects.started == ["a"]
    stage.loaded("a")
    assert len(stage.effects.granted) == 8
    while stage.effects.leases:
        assert stage.scheduler.in_flight <= 8
        stage.give_back(next(t for t in tickets if t.id in stage.effects.leases))
    assert stage.effects.granted == tickets, "in order of arrival"
    assert stage.effects.started == ["a"]
    assert stage.scheduler.in_flight == 0


def test_the_queue_of_a_variant_is_bounded_and_says_when_to_come_back() -> None:
    stage = Stage(machine(20), Limits(queue_size=3))
    waiting = [stage.ask(A) for _ in range(3)]
    over = stage.ask(A)
    assert over.state is TicketState.REFUSED
    error = stage.error(over)
    assert error.cause is Cause.QUEUE_FULL
    assert error.retry_after is not None
    assert error.retry_after >= 30.0, "the load alone takes that long"
    other = stage.ask(B)
    assert other.state is TicketState.WAITING, "bounds are a variant's own"
    stage.loaded("a")
    assert [t.state for t in waiting] == [TicketState.GRANTED, TicketState.WAITING, TicketState.WAITING]


def test_a_ready_model_without_a_queue_is_granted_even_when_no_queue_is_allowed() -> None:
    stage = Stage(limits=Limits(queue_size=0))
    cold = stage.ask(A)
    assert stage.error(cold).cause is Cause.QUEUE_FULL
    stage = Stage()
    stage.resident(A)
    stage.scheduler._limits = Limits(queue_size=0)  # pyright: ignore[reportPrivateUsage]
    assert stage.ask(A).state is TicketState.GRANTED


def test_a_full_queue_of_one_variant_is_first_in_first_out() -> None:
    stage = Stage()
    tickets = [stage.ask(A) for _ in range(5)]
    stage.loaded("a")
    for ticket in tickets:
        assert stage.effects.granted[-1] is ticket
        stage.give_back(ticket)


def test_grant_now_takes_a_free_slot_and_never_overtakes_the_queue() -> None:
    stage = Stage()
    assert stage.scheduler.grant_now(A) is None, "cold"
    stage.resident(A)
    occupant = stage.scheduler.grant_now(A)
    assert occupant is not None
    assert stage.scheduler.in_flight == 1
    assert stage.scheduler.grant_now(A) is None, "no slot left"
    waiting = stage.ask(A)
    assert waiting.state is TicketState.WAITING
    stage.scheduler.on_released(occupant, 1.0)
    assert stage.is_granted(waiting)
    stage.give_back(waiting)
    assert stage.scheduler.in_flight == 0


def test_cancel_while_queued_frees_the_place() -> None:
    stage = Stage(limits=Limits(queue_size=2))
    first, second = stage.ask(A), stage.ask(A)
    stage.scheduler.on_cancel(first)
    stage.scheduler.on_cancel(first)
    assert first.state is TicketState.CANCELLED
    assert stage.ask(A).state is TicketState.WAITING
    stage.loaded("a")
    assert stage.effects.granted == [second]


def test_cancel_while_loading_lets_the_load_finish_and_the_next_one_is_served_at_once() -> None:
    stage = Stage()
    only = stage.ask(A)
    stage.scheduler.on_cancel(only)
    assert stage.state("a") is BackendState.STARTING
    stage.loaded("a")
    assert stage.state("a") is BackendState.READY
    assert stage.effects.granted == []
    assert stage.ask(A).state is TicketState.GRANTED
    assert stage.effects.started == ["a"]


def test_a_load_nobody_waits_for_any_more_is_never_started() -> None:
    stage = Stage()
    stage.resident(A)
    ticket = stage.ask(B)
    assert stage.stops == ["a"]
    assert stage.effects.started == ["a"], "b starts when a is gone"
    stage.scheduler.on_cancel(ticket)
    stage.gone("a")
    assert stage.effects.started == ["a"]
    assert stage.state("b") is None
    again = stage.ask(A)
    stage.loaded("a")
    assert stage.is_granted(again), "the reservation of the abandoned load is gone too"


def test_a_newcomer_during_the_eviction_revives_the_load() -> None:
    stage = Stage()
    stage.resident(A)
    first = stage.ask(B)
    stage.scheduler.on_cancel(first)
    second = stage.ask(B)
    stage.gone("a")
    assert stage.effects.started == ["a", "b"]
    stage.loaded("b")
    assert stage.effects.granted[-1] is second


def test_a_waiter_gone_at_grant_leaks_no_slot() -> None:
    stage = Stage()
    lost, live = stage.ask(A), stage.ask(A)
    stage.effects.gone.add(lost.id)
    stage.loaded("a")
    assert lost.state is TicketState.CANCELLED
    assert stage.is_granted(live)
    assert stage.scheduler.in_flight == 1
    stage.scheduler.on_cancel(lost)
    stage.give_back(live)
    assert stage.scheduler.in_flight == 0


def test_two_loads_never_believe_in_the_same_memory() -> None:
    stage = Stage(machine(15))
    stage.ask(A)
    second = stage.ask(B)
    assert stage.effects.started == ["a"]
    assert second.state is TicketState.WAITING
    stage.loaded("a")
    assert stage.stops == [], "a is busy"


def test_unmanaged_targets_take_no_memory_and_are_never_unloaded_for_being_idle() -> None:
    stage = Stage(machine(1))
    remote = model("remote", 400, managed=False)
    stage.resident(remote)
    occupant = stage.scheduler.occupants.get("remote")
    assert occupant is not None
    assert occupant.shares == ()
    stage.tick(100_000)
    assert stage.state("remote") is BackendState.READY
    stage.ask(model("a", 1))
    assert stage.effects.started == ["remote", "a"]
    assert stage.stops == []


def test_what_can_never_fit_is_refused_at_once_with_the_numbers() -> None:
    stage = Stage(machine(8))
    ticket = stage.ask(A)
    error = stage.error(ticket)
    assert error.cause is Cause.CANNOT_FIT
    assert "10.00 GiB" in error.detail
    assert "8.00 GiB" in error.detail
    assert stage.effects.started == []


def test_growing_memory_lets_a_waiting_load_start() -> None:
    stage = Stage()
    busy = stage.ask(A)
    stage.loaded("a")
    waiting = stage.ask(B)
    assert waiting.state is TicketState.WAITING
    stage.scheduler.on_inventory(machine(20))
    assert stage.effects.started == ["a", "b"]
    stage.loaded("b")
    assert stage.is_granted(waiting)
    assert busy.state is TicketState.GRANTED


def test_a_device_that_goes_away_takes_no_load_and_waiting_ones_are_told() -> None:
    stage = Stage(machine(10, 10))
    running = stage.ask(A)
    stage.loaded("a")
    stage.ask(B)
    waiting = stage.ask(model("c"))
    assert waiting.state is TicketState.WAITING
    stage.scheduler.on_inventory(machine(1, 1))
    assert stage.error(waiting).cause is Cause.CANNOT_FIT
    assert running.state is TicketState.GRANTED, "what runs is left alone; its engine reports its own death"
    stage.scheduler.on_exited("a", "device lost")
    stage.gone("a")
    assert stage.error(stage.ask(A)).cause is Cause.CANNOT_FIT
    stage.scheduler.on_inventory(machine(10, 10))
    stage.ask(A)
    assert stage.effects.started == ["a", "b", "a"]


def test_measured_bytes_replace_the_reservation() -> None:
    from backends.contract import DeviceShare

    stage = Stage(machine(20))
    first = stage.ask(A)
    stage.loaded("a", (DeviceShare(HOST, 15 * GIB),))
    waiting = stage.ask(B)
    assert waiting.state is TicketState.WAITING, "5 GiB are left, not 10"
    stage.give_back(first)
    assert stage.stops == ["a"]


def test_late_and_unknown_reports_change_nothing() -> None:
    stage = Stage()
    stage.scheduler.on_loaded("nobody")
    stage.scheduler.on_stopped("nobody")
    stage.scheduler.on_exited("nobody", "?")
    stage.scheduler.on_pin("nobody", pinned=True)
    assert stage.scheduler.on_unload("nobody") is False
    stage.resident(A)
    before = list(stage.effects.transitions)
    stage.scheduler.on_loaded("a")
    stage.scheduler.on_stopped("a")
    from backends.errors import BackendError

    stage.scheduler.on_load_failed("a", BackendError(Cause.LOAD_FAILED, "late"))
    stage.scheduler.on_load_failed("nobody", BackendError(Cause.LOAD_FAILED, "late"))
    assert stage.effects.transitions == before
    assert stage.state("a") is BackendState.READY
    assert stage.scheduler.failures == {}


def test_every_step_is_recorded_with_its_reason() -> None:
    stage = Stage()
    stage.resident(A)
    stage.ask(B)
    stage.gone("a")
    stage.loaded("b")
    assert [(t.variant_id, t.before.value, t.after.value) for t in stage.effects.transitions] == [
        ("a", "stopped", "starting"),
        ("a", "starting", "ready"),
        ("a", "ready", "stopping"),
        ("a", "stopping", "stopped"),
        ("b", "stopped", "starting"),
        ("b", "starting", "ready"),
    ]
    assert stage.effects.transitions[2].reason == "makes room for b"
