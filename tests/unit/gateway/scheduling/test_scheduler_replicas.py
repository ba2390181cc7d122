"""Replicas of one variant: when the next is loaded, whom it may send away, who is asked, whose failures count."""

import msgspec

from backends.contract import BackendState
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.policy import GIB
from gateway.scheduling.replica import base_of, number_of, replica_id
from gateway.scheduling.target import Target
from tests.fakes.effects import Stage, bed, machine, model

ONE, TWO, THREE = (model(replica_id("m:v", number), 4, slots=2, load_seconds=10.0) for number in (1, 2, 3))


def cards(count: int, gib: float = 10) -> Inventory:
    devices = [Device(id=f"gpu{n}", name="card", total_bytes=int(gib * GIB)) for n in range(count)]
    return Inventory((*devices, Device(id=HOST, name="host", total_bytes=64 * GIB)))


def asking(stage: Stage, times: int, *targets: Target):
    return [stage.ask(*(targets or (ONE, TWO, THREE))) for _ in range(times)]


def test_names():
    assert [replica_id("p:v", number) for number in (1, 2, 12)] == ["p:v", "p:v#2", "p:v#12"]
    assert [base_of(name) for name in ("p:v", "p:v#2", "p")] == ["p:v", "p:v", "p"]
    assert [number_of(name) for name in ("p:v", "p:v#2", "p:v#12")] == [1, 2, 12]
    assert {number_of(f"p:v#{odd}") for odd in ("", "1", "0", "02", "x", "-2", "9999", "²", "2#3")} == {None}


def test_one_is_loaded_for_all_who_come_while_it_loads():
    stage = Stage(machine(20))
    tickets = asking(stage, 2)
    assert stage.effects.starting == ["m:v"]
    stage.loaded("m:v")
    assert all(stage.is_granted(ticket) for ticket in tickets)
    assert stage.effects.starting == []


def test_the_next_is_loaded_when_those_there_are_full_and_there_is_room():
    stage = Stage(machine(20))
    asking(stage, 2)
    stage.loaded("m:v")
    third, fourth, fifth = asking(stage, 3)
    assert stage.effects.starting == ["m:v#2"], "not the third as well: one is on its way"
    stage.loaded("m:v#2")
    assert stage.is_granted(third)
    assert stage.is_granted(fourth)
    assert not stage.is_granted(fifth)
    assert stage.effects.starting == ["m:v#3"]


def test_a_slot_that_comes_free_meanwhile_is_used():
    stage = Stage(machine(20))
    first, _ = asking(stage, 2)
    stage.loaded("m:v")
    (third,) = asking(stage, 1)
    stage.give_back(first)
    assert stage.is_granted(third)


def test_without_room_it_waits_for_a_slot():
    stage = Stage(machine(10))
    first, _ = asking(stage, 2)
    stage.loaded("m:v")
    stage.resident(model("other", 5))
    (third,) = asking(stage, 1)
    assert stage.stops == [], "the other model is brought back more dearly than a slot comes free"
    stage.give_back(first)
    assert stage.is_granted(third)


def test_others_at_rest_leave_when_a_slot_takes_longer_than_that():
    stage = Stage(machine(10))
    stage.scheduler.occupants.service("m:v").add(400.0)
    asking(stage, 2)
    stage.loaded("m:v")
    stage.resident(model("other", 5, load_seconds=20.0))
    asking(stage, 1)
    assert stage.stops == ["other"]
    stage.gone("other")
    assert stage.effects.starting == ["m:v#2"]


def test_never_one_that_is_in_use():
    stage = Stage(machine(10))
    stage.scheduler.occupants.service("m:v").add(4000.0)
    asking(stage, 2)
    stage.loaded("m:v")
    stage.running(model("other", 5))
    asking(stage, 1)
    stage.tick(300.0)
    assert stage.stops == []


def test_of_those_that_are_free_the_one_with_less_to_do():
    stage = Stage(machine(20))
    tickets = asking(stage, 3)
    stage.settle()
    stage.give_back(tickets[0])
    stage.give_back(tickets[1])
    asking(stage, 1)
    one, two = (stage.scheduler.occupants.get(name) for name in ("m:v", "m:v#2"))
    assert one is not None
    assert two is not None
    assert (one.in_flight, two.in_flight) == (1, 1), "the first is idle, and the second is not"


def test_a_sleeping_one_is_woken_before_another_is_loaded():
    stage = Stage(cards(1))
    sleeper, other = (msgspec.structs.replace(each, sleep=bed(4)) for each in (ONE, TWO))
    stage.resident(sleeper)
    stage.resident(model("large", 9))
    assert stage.state("m:v") is BackendState.SLEEPING
    asking(stage, 1, other, sleeper)
    stage.settle()
    assert stage.effects.woken == ["m:v"]
    assert "m:v#2" not in stage.effects.started


def test_a_load_that_fails_is_the_variants_and_who_serves_goes_on():
    stage = Stage(machine(20))
    first, second = asking(stage, 2)
    stage.loaded("m:v")
    (third,) = asking(stage, 1)
    stage.failed("m:v#2")
    assert not stage.effects.refused, "the first may have a slot for it"
    stage.tick(1.0)
    assert stage.effects.starting == [], "it cools down, and so does the third, which has the same files"
    stage.give_back(first)
    assert stage.is_granted(third)
    assert stage.scheduler.failures.keys() == {"m:v"}
    stage.give_back(second)


def test_broken_files_are_tried_once_not_once_a_replica():
    stage = Stage(machine(20))
    (ticket,) = asking(stage, 1)
    stage.failed("m:v")
    assert stage.error(ticket).detail == "m:v did not start"
    (again,) = asking(stage, 1)
    assert "failed" in stage.error(again).detail
    assert stage.effects.started == ["m:v"]


def test_servers_of_others_fail_alone():
    stage = Stage(machine(20))
    far = [msgspec.structs.replace(each, managed=False, device_bytes=0) for each in (ONE, TWO)]
    (first,) = asking(stage, 1, *far)
    stage.failed("m:v")
    assert stage.error(first)
    (second,) = asking(stage, 1, *far)
    assert stage.effects.starting == ["m:v#2"]
    stage.loaded("m:v#2")
    assert stage.is_granted(second)


def test_a_spare_one_is_missed_as_it_is_used_and_not_as_its_model():
    stage = Stage(machine(8))
    tickets = asking(stage, 3)
    stage.settle()
    for ticket in tickets:
        stage.give_back(ticket)
    for _ in range(5):
        stage.tick(60.0)
        stage.give_back(stage.ask(ONE))
    now = stage.effects.clock
    gaps = {r.variant_id: r.gap for r in stage.scheduler.state.residents()}
    assert gaps == {"m:v": None, "m:v#2": None}, "each has the other: when it was used last counts"
    stage.ask(model("x", 4))
    assert stage.stops == ["m:v#2"], "the one that nobody has used for minutes"
    assert stage.effects.clock == now


def test_all_that_take_requests_are_one_in_what_a_wait_is_told():
    stage = Stage(machine(8))
    asking(stage, 4)
    stage.settle()
    stage.scheduler.occupants.service("m:v").add(8.0)
    late = [stage.ask(ONE, TWO) for _ in range(4)]
    assert stage.scheduler.forecast.left(late[0]) == 0.25 * 8.0, "the first of four slots"
    assert stage.scheduler.forecast.left(late[3]) == 8.0
    assert stage.scheduler.forecast.wait(TWO) == 1.25 * 8.0
