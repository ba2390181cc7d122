"""What a request has to expect, by sums that a reader can do: two seconds of service unless known better."""

from gateway.scheduling.policy import GIB, Policy
from gateway.scheduling.ticket import Ticket
from tests.fakes.effects import Stage, bed, deep_bed, machine, model

A = model("a", load_seconds=30)
B = model("b", load_seconds=10, slots=4)


def told(stage: Stage, ticket: Ticket) -> float:
    return stage.scheduler.forecast.fair(ticket)


def test_a_fair_share_is_the_work_and_the_loads_ahead() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    first = stage.ask(B)
    alone = 10.0 + 2.0 + 2.0 / 4
    assert told(stage, first) == alone + 2.0, "what runs, and its own place in its line of four slots"
    for _ in range(7):
        stage.ask(B)
    assert told(stage, first) == 10.0 + 2.0 + 8 * 2.0 / 4 + 2.0
    stage.ask(A)
    assert told(stage, first) == 10.0 + 2.0 + 8 * 2.0 / 4 + 2.0 + 2.0, "one more of a model that is there: no load"
    stage.ask(model("c", load_seconds=7))
    assert told(stage, first) == 10.0 + 2.0 + 8 * 2.0 / 4 + 2.0 + 2.0 + 2.0 + 7.0
    stage.give_back(held)


def test_two_cards_share_the_work_ahead() -> None:
    one, two = Stage(machine(10.0, 1.0)), Stage(machine(10.0, 10.0))
    for stage in (one, two):
        stage.running(A)
    first, second = one.ask(B), two.ask(B)
    assert told(one, first) == 12.0 + (2.0 + 0.5) / 2
    assert told(two, second) == told(one, first) - 12.0 + 12.0


def test_the_cost_is_what_the_request_says_or_a_slots_share_of_what_others_took() -> None:
    stage = Stage()
    assert stage.scheduler.forecast.cost(stage.ask(B, cost=9.0)) == 9.0
    assert stage.scheduler.forecast.cost(stage.ask(B)) == 2.0 / 4


def test_who_sleeps_is_expected_after_its_wake() -> None:
    policy = Policy(headroom_ratio=0.0, headroom_bytes=0)
    stage = Stage(machine(10.0, 1.0), policy=policy)
    sleeper = model("s", load_seconds=30, sleep=bed(5, wake_seconds=3.0))
    assert stage.scheduler.forecast.wait(sleeper) == 30.0
    stage.resident(sleeper)
    assert stage.scheduler.forecast.wait(sleeper) == 0.0
    assert stage.scheduler.state.inventory.devices[0].total_bytes == 10 * GIB


def test_a_deep_sleeper_is_expected_after_its_own_wake() -> None:
    stage = Stage(machine(12.0, 3.0))
    sleeper = model(
        "s", 10, slots=4, load_seconds=30, idle_unload_seconds=5, sleep=bed(20, deep=deep_bed(0, wake_seconds=9.0))
    )
    stage.resident(sleeper)
    stage.tick(5)
    stage.settle()
    assert stage.effects.depths == {"s": "deep"}
    assert stage.scheduler.forecast.wait(sleeper) == 9.0
    stage.ask(sleeper)
    stage.tick(4)
    assert stage.scheduler.forecast.wait(sleeper) == 5.0


def test_loads_on_a_card_follow_each_other_and_on_two_they_do_not() -> None:
    first, second, third = (
        model(name, 3, slots=4, load_seconds=seconds) for name, seconds in (("a", 30), ("b", 20), ("c", 10))
    )
    stage = Stage(machine(10.0, 1.0))
    stage.ask(first)
    stage.tick(10)
    assert stage.scheduler.forecast.wait(second) == 20.0 + 20.0, "what is left of the first, and its own"
    stage.ask(second)
    stage.tick(5)
    assert stage.scheduler.forecast.wait(first) == 15.0
    assert stage.scheduler.forecast.wait(second) == 15.0 + 20.0
    assert stage.scheduler.forecast.wait(third) == 15.0 + 20.0 + 10.0
    stage.tick(25)
    assert stage.scheduler.forecast.wait(second) == 20.0, "the first is late, and the second has not begun"
    stage.loaded("a")
    apart = Stage(machine(4.0, 4.0))
    apart.ask(first)
    apart.ask(second)
    assert apart.scheduler.forecast.wait(second) == 20.0
