"""Tickets that several variants would do for, sleepers that are restarted, and residents that grow."""

import msgspec

from backends.contract import BackendState
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.policy import GIB
from tests.fakes.effects import Stage, bed, machine, model

A = model("a", 10)
SMALL = model("small", 4)


def cards(*gib: float, ram: float = 64) -> Inventory:
    """Cards beside host RAM."""
    devices = [Device(id=f"gpu{n}", name="card", total_bytes=int(size * GIB)) for n, size in enumerate(gib)]
    return Inventory((*devices, Device(id=HOST, name="host", total_bytes=int(ram * GIB))))


def test_a_failed_variant_leaves_its_waiters_to_the_others() -> None:
    stage = Stage(machine(20))
    ticket = stage.ask(A, SMALL)
    stage.failed("a")
    assert stage.error(ticket).detail == "a did not start", "the router tries the rest"
    again = stage.ask(A, SMALL)
    assert stage.effects.starting == ["small"], "what cools down is left out"
    stage.loaded("small")
    assert stage.is_granted(again)


def test_a_larger_request_makes_its_resident_grow() -> None:
    stage = Stage(machine(16))
    stage.resident(SMALL)
    stage.resident(model("idle", 10))
    larger = msgspec.structs.replace(SMALL, device_bytes=7 * GIB)
    assert stage.scheduler.grant_now(larger) is None
    ticket = stage.ask(larger)
    assert stage.stops == ["idle"]
    assert not stage.is_granted(ticket), "the bytes are not here yet"
    stage.gone("idle")
    assert stage.is_granted(ticket)
    occupant = stage.scheduler.occupants.get("small")
    assert occupant is not None
    assert sum(share.bytes for share in occupant.shares) == 7 * GIB
    stage.give_back(ticket)
    assert stage.scheduler.grant_now(SMALL) is not None, "a smaller one fits as well"


def test_a_sleeper_whose_card_is_taken_is_loaded_on_another() -> None:
    stage = Stage(cards(12, 12))
    first = model("first", 10, sleep=bed(10))
    stage.resident(first)
    stage.resident(model("second", 10))
    stage.resident(model("third", 10))
    assert stage.state("first") is BackendState.SLEEPING
    stage.scheduler.on_pin("third", pinned=True)
    stage.scheduler.on_pin("first", pinned=True)
    stage.scheduler.on_unload("second")
    stage.settle()
    ticket = stage.ask(first)
    stage.settle()
    assert stage.is_granted(ticket)
    occupant = stage.scheduler.occupants.get("first")
    assert occupant is not None
    assert occupant.pinned, "what the operator pinned stays so"


def test_who_sleeps_is_woken_and_after_long_disuse_gone() -> None:
    stage = Stage(cards(12))
    sleeper = model("a", 10, sleep=bed(10, wake_seconds=1))
    stage.resident(sleeper)
    stage.tick(1000)
    assert stage.effects.falling_asleep == ["a"], "idle: asleep first"
    stage.settle()
    ticket = stage.ask(sleeper)
    assert stage.effects.woken == ["a"]
    stage.settle()
    assert stage.is_granted(ticket)
    stage.give_back(ticket)
    stage.tick(1000)
    stage.settle()
    stage.tick(4000)
    assert stage.stops == ["a"]


def test_no_bed_no_sleep() -> None:
    stage = Stage(cards(12, ram=4))
    stage.resident(model("a", 10, sleep=bed(10)))
    stage.tick(1000)
    assert stage.stops == ["a"]


def test_a_cheaper_sleeper_gives_up_its_bed() -> None:
    stage = Stage(cards(12, ram=12))
    cheap = model("cheap", 10, load_seconds=3, sleep=bed(10, wake_seconds=2))
    dear = model("dear", 10, load_seconds=90, sleep=bed(10, wake_seconds=2))
    stage.resident(cheap)
    stage.resident(dear)
    assert stage.state("cheap") is BackendState.SLEEPING
    stage.resident(model("next", 10))
    assert stage.state("dear") is BackendState.SLEEPING
    assert stage.state("cheap") is None


def test_split_over_two_cards_only_when_one_could_never_hold_it() -> None:
    stage = Stage(cards(12, 12))
    whole, split = model("whole", 11, split=2), model("split", 20, split=2)
    stage.resident(whole)
    assert {share.device_id for share in stage.effects.placements["whole"].shares} == {"gpu0"}
    stage.ask(split)
    stage.settle()
    shares = stage.effects.placements["split"].shares
    assert sorted((share.device_id, share.bytes) for share in shares) == [("gpu0", 10 * GIB), ("gpu1", 10 * GIB)]
    assert stage.stops == ["whole"]


def test_host_ram_beside_a_card_is_planned_too() -> None:
    stage = Stage(cards(40, ram=10))
    stage.resident(model("a", 5, host_gib=6))
    stage.resident(model("b", 5, host_gib=6))
    assert stage.stops == ["a"], "two times six do not fit into ten"
