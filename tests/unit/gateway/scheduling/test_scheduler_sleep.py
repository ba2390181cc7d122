"""How deep who sleeps, through the machine: by demand and for being idle, woken and gone, the bytes of each step."""

from backends.contract import BackendState
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.limits import Limits
from gateway.scheduling.policy import GIB
from gateway.scheduling.resident import bytes_on
from tests.fakes.effects import Stage, bed, deep_bed, model

LIMITS = Limits(idle_unload=60, asleep_unload=120)
DEEP = deep_bed(1, wake_seconds=8.0, kept_gib=0.5)
A = model("a", 10, load_seconds=60, sleep=bed(10, wake_seconds=2.0, deep=DEEP))
B = model("b", 10, load_seconds=60)


def stage_of(ram: float, card: float = 12.0) -> Stage:
    devices = (
        Device(id="gpu0", name="card", total_bytes=int(card * GIB)),
        Device(id=HOST, name="host", total_bytes=int(ram * GIB)),
    )
    return Stage(Inventory(devices), LIMITS)


def held(stage: Stage, name: str) -> tuple[float, float]:
    occupant = stage.scheduler.occupants.get(name)
    assert occupant is not None
    return bytes_on(occupant.shares, "gpu0") / GIB, bytes_on(occupant.shares, HOST) / GIB


def test_who_makes_room_sleeps_as_lightly_as_host_ram_allows() -> None:
    for ram, depth, after in ((10.0, "light", (0.0, 10.0)), (9.9, "deep", (0.5, 1.0))):
        stage = stage_of(ram)
        stage.resident(A)
        ticket = stage.ask(B)
        assert stage.effects.slept == [("a", "makes room")]
        assert stage.effects.depths == {"a": depth}
        stage.asleep("a")
        assert held(stage, "a") == after
        stage.loaded("b")
        assert stage.is_granted(ticket)
        words = [entry.why for entry in stage.scheduler.journal if entry.kind in ("load", "sleep")]
        assert ("deeply" in words[-1]) == ("deeply" in words[-2]) == (depth == "deep")


def test_a_deep_sleeper_is_woken_in_its_place_and_takes_calls_only_then() -> None:
    stage = stage_of(5.0)
    stage.resident(A)
    stage.resident(B)
    assert stage.state("a") is BackendState.SLEEPING
    assert stage.scheduler.grant_now(A) is None, "nothing reaches who sleeps"
    ticket = stage.ask(A)
    assert stage.stops == ["b"]
    stage.gone("b")
    assert stage.effects.woken == ["a"]
    assert held(stage, "a") == (10.0, 1.0), "both sides, while it wakes"
    assert not stage.is_granted(ticket)
    assert stage.scheduler.grant_now(A) is None
    stage.loaded("a")
    assert held(stage, "a") == (10.0, 0.0)
    assert stage.is_granted(ticket)


def test_without_room_even_for_its_process_it_is_stopped() -> None:
    stage = stage_of(0.9)
    stage.resident(A)
    stage.ask(B)
    assert stage.effects.slept == []
    assert stage.stops == ["a"]


def test_idle_it_sleeps_as_lightly_as_it_can_and_after_long_sleep_it_is_gone() -> None:
    for ram, depth in ((10.0, "light"), (5.0, "deep")):
        stage = stage_of(ram)
        stage.resident(A)
        stage.tick(59)
        assert stage.effects.slept == []
        stage.tick(1)
        assert stage.effects.slept == [("a", "makes room")]
        assert stage.effects.depths == {"a": depth}
        stage.tick(10)
        stage.asleep("a")
        stage.tick(119)
        assert stage.stops == [], "counted from when it fell asleep"
        stage.tick(1)
        assert stage.effects.stopped == [("a", "idle")]


def test_idle_without_any_bed_it_is_gone_and_nobody_is_moved_for_it() -> None:
    stage = stage_of(10.5, card=22.0)
    other = model("o", 10, load_seconds=60, sleep=bed(10), idle_unload_seconds=10)
    stage.resident(other)
    stage.tick(10)
    stage.asleep("o")
    stage.resident(A)
    stage.tick(60)
    assert stage.stops == ["a"]
    assert stage.state("o") is BackendState.SLEEPING


def test_a_sleep_begins_when_the_last_request_has_ended() -> None:
    stage = stage_of(5.0)
    two = model("a", 10, slots=2, load_seconds=60, sleep=bed(10, deep=DEEP))
    first, second = stage.running(two, 2)
    stage.ask(B)
    stage.tick(300)
    assert stage.effects.slept == []
    stage.give_back(first)
    stage.tick(1)
    assert stage.effects.slept == []
    stage.give_back(second)
    assert stage.effects.depths == {"a": "deep"}


def test_a_sleeper_that_lost_its_deep_bed_with_a_new_catalog_keeps_the_books_right() -> None:
    stage = stage_of(5.0)
    stage.resident(A)
    stage.resident(B)
    stage.give_back(stage.running(model("a", 10, load_seconds=60, sleep=bed(10)))[0])
    assert stage.state("a") is BackendState.READY
    assert held(stage, "a") == (10.0, 0.0)
