"""Who has to leave for whom, and that nobody waits for ever."""

from gateway.scheduling.ticket import TicketState
from tests.fakes.effects import Stage, machine, model

A = model("a")
B = model("b")


def test_the_cheapest_idle_resident_leaves() -> None:
    stage = Stage(machine(20))
    stage.resident(model("slow", load_seconds=300))
    stage.resident(model("quick", load_seconds=5))
    stage.ask(A)
    assert stage.stops == ["quick"]


def test_the_longest_unused_of_equals_leaves() -> None:
    stage = Stage(machine(20))
    stage.resident(A)
    stage.effects.clock += 10
    stage.resident(B)
    stage.effects.clock += 10
    stage.ask(model("c"))
    assert stage.stops == ["a"]


def test_busy_and_loading_residents_are_never_evicted() -> None:
    stage = Stage(machine(20))
    running = stage.ask(A)
    stage.loaded("a")
    stage.ask(B)
    waiting = stage.ask(model("c"))
    assert stage.stops == []
    stage.give_back(running)
    assert stage.stops == ["a"]
    stage.gone("a")
    stage.loaded("c")
    assert stage.is_granted(waiting)


def test_an_unload_reserves_its_bytes_for_who_waits_at_once() -> None:
    stage = Stage(machine(16))
    stage.resident(model("c", 4, pin=True))
    busy = stage.ask(A)
    stage.loaded("a")
    waiting = stage.ask(model("d", 6))
    stage.scheduler.on_unload("c")
    late = stage.ask(model("late", 5))
    assert stage.effects.starting == []
    stage.gone("c")
    assert stage.effects.starting == ["d"]
    assert late.state is TicketState.WAITING
    stage.loaded("d")
    assert stage.is_granted(waiting)
    stage.give_back(busy)


def test_nothing_waits_for_a_stop_that_it_does_not_need() -> None:
    stage = Stage(machine(20))
    stage.resident(A)
    stage.scheduler.on_unload("a")
    stage.ask(B)
    assert stage.effects.starting == ["b"], "there is room beside what is leaving"


def test_nobody_else_is_evicted_for_bytes_that_are_on_their_way() -> None:
    stage = Stage(machine(20))
    stage.resident(A)
    stage.resident(B)
    stage.scheduler.on_unload("a")
    waiting = stage.ask(model("c"))
    assert stage.stops == ["a"]
    assert stage.effects.starting == [], "the bytes are not here yet"
    stage.gone("a")
    stage.loaded("c")
    assert stage.is_granted(waiting)
    assert stage.stops == ["a"]


def test_bytes_on_their_way_on_another_device_spare_the_idle_here() -> None:
    stage = Stage(machine(10, 10))
    stage.resident(A)
    stage.resident(B)
    stage.scheduler.on_unload("b")
    waiting = stage.ask(model("c"))
    assert stage.stops == ["b"]
    stage.gone("b")
    stage.loaded("c")
    assert stage.is_granted(waiting)


def test_a_victim_and_its_successor_are_counted_once() -> None:
    stage = Stage(machine(20))
    stage.resident(A)
    stage.resident(B)
    stage.effects.clock += 1
    stage.ask(model("c"))
    third = stage.ask(model("d", 20))
    assert stage.stops == ["a"], "c took a's place; d waits for it all"
    assert third.state is TicketState.WAITING
    stage.gone("a")
    assert stage.effects.starting == ["c"]


def test_room_that_pinned_models_will_never_give_back_is_refused_not_waited_for() -> None:
    from backends.errors import Cause

    stage = Stage(machine(20))
    stage.resident(model("pinned", 15, pin=True))
    stage.ask(model("small", 2))
    stage.loaded("small")
    ticket = stage.ask(A)
    assert stage.error(ticket).cause is Cause.NO_CAPACITY
    assert "pinned" in stage.error(ticket).detail


def test_a_grant_to_nobody_frees_what_others_were_held_up_for() -> None:
    stage = Stage()
    first = stage.ask(A)
    stage.loaded("a")
    waiting, lost = stage.ask(B), stage.ask(A)
    stage.effects.gone.add(lost.id)
    stage.give_back(first)
    assert lost.state is TicketState.CANCELLED
    assert waiting.state is TicketState.WAITING
    assert stage.stops == ["a"], "at once, not at the next tick"
