"""Who leaves, by prices that a reader can work out: seconds to come back, by the chance of being asked again."""

from msgspec.structs import replace

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.books import Books
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.eviction import Leavers, cheapest, leavers
from gateway.scheduling.policy import GIB, Policy
from gateway.scheduling.price import price_of
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Bed, Sleep
from tests.fakes.effects import NO_HEADROOM

POLICY: Policy = replace(NO_HEADROOM, horizon=100.0)


def resident(name: str, gib: float, *, load: float = 30.0, gap: float = 0.0, **more: object) -> Resident:
    shares = more.pop("shares", None) or (DeviceShare("gpu0", int(gib * GIB)),)
    return Resident(
        variant_id=name, state=BackendState(str(more.pop("state", "ready"))), shares=shares,  # type: ignore[arg-type]
        load_seconds=load, gap=gap, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def bed(gib: float, wake: float = 2.0, kept: float = 0.0, deep: Bed | None = None) -> Sleep:
    return Sleep(wake_seconds=wake, host_bytes=int(gib * GIB), device_bytes=int(kept * GIB), deep=deep)


def deep(gib: float = 1.0, wake: float = 10.0, kept: float = 0.0) -> Bed:
    return Bed(wake_seconds=wake, host_bytes=int(gib * GIB), device_bytes=int(kept * GIB))


def out(missing_gib: float, *residents: Resident, ram: float = 0.0, needs: float = 0.0) -> Leavers | None:
    inventory = Inventory(
        (Device(id="gpu0", name="x", total_bytes=100 * GIB), Device(id=HOST, name="ram", total_bytes=int(ram * GIB)))
    )
    books = Books(residents, inventory, POLICY)
    return leavers("asker", {"gpu0": int(missing_gib * GIB)}, books, {HOST: int(needs * GIB)}, POLICY, 1000.0)


def test_the_price_is_the_way_back_by_the_chance_of_being_asked_again() -> None:
    assert price_of(resident("a", 1, load=30), POLICY, 0.0) == 30.0
    assert price_of(resident("a", 1, load=30, gap=100), POLICY, 0.0) == 15.0
    assert price_of(resident("a", 1, load=30, gap=300, weight=0.5), POLICY, 0.0) == 3.75
    since = replace(resident("a", 1, load=40), gap=None, last_used=900.0)
    assert price_of(since, POLICY, 1000.0) == 20.0


def test_asleep_it_costs_a_wake_and_leaving_a_bed_costs_the_difference() -> None:
    can = resident("a", 1, load=30, sleep=bed(1, wake=3.0))
    assert price_of(can, POLICY, 0.0, asleep="light") == 3.0
    assert price_of(can, POLICY, 0.0) == 30.0
    assert price_of(resident("a", 1, load=30), POLICY, 0.0, asleep="light") == 30.0
    assert price_of(replace(can, state=BackendState.SLEEPING), POLICY, 0.0) == 27.0


def test_nothing_missing_moves_nobody_and_too_little_is_nothing() -> None:
    a = resident("a", 4)
    assert cheapest({}, [a], lambda r: 1.0) == ()
    assert cheapest({"gpu0": 5 * GIB}, [a], lambda r: 1.0) is None
    assert cheapest({"gpu0": 4 * GIB}, [a], lambda r: 1.0) == (a,)


def test_one_alone_or_several_whichever_is_cheaper() -> None:
    prices = {"big": 10.0, "s1": 4.0, "s2": 5.0, "s3": 9.0}
    big, s1, s2, s3 = resident("big", 8), resident("s1", 4), resident("s2", 4), resident("s3", 4)
    missing = {"gpu0": 8 * GIB}
    assert cheapest(missing, [big, s1, s2], lambda r: prices[r.variant_id]) == (s1, s2)
    assert cheapest(missing, [big, s2, s3], lambda r: prices[r.variant_id]) == (big,)
    assert cheapest(missing, [big, s1, s2], lambda r: {**prices, "big": 9.0}[r.variant_id]) == (big,)


def test_who_turns_out_to_be_unnecessary_stays() -> None:
    prices = {"small": 1.0, "large": 12.0}
    small, large = resident("small", 1), resident("large", 8)
    assert cheapest({"gpu0": 8 * GIB}, [small, large], lambda r: prices[r.variant_id]) == (large,)


def test_busy_pinned_and_owed_ones_and_the_asker_never_leave() -> None:
    for kept in (
        resident("a", 8, in_flight=1), resident("a", 8, pinned=True), resident("a", 8, owed=True), resident("asker", 8),
        resident("a", 8, state="starting"),
    ):  # fmt: skip
        assert out(8, kept) is None
    assert out(8, resident("a", 8)) == Leavers(stop=("a",), price=30.0)


def test_it_sleeps_where_host_ram_has_room_to_the_byte() -> None:
    able = resident("a", 8, sleep=bed(8, wake=2.0))
    assert out(8, able, ram=8) == Leavers(sleep=("a",), price=2.0)
    assert out(8, able, ram=7.9) == Leavers(stop=("a",), price=30.0)
    assert out(8, able, ram=9, needs=1) == Leavers(sleep=("a",), price=2.0)
    assert out(8, able, ram=9, needs=1.1) == Leavers(stop=("a",), price=30.0)


def test_what_it_holds_in_host_ram_already_counts_for_its_bed() -> None:
    shares = (DeviceShare("gpu0", 8 * GIB), DeviceShare(HOST, 3 * GIB))
    assert out(8, resident("a", 8, sleep=bed(8), shares=shares), ram=8) == Leavers(sleep=("a",), price=2.0)


def test_a_cheaper_sleeper_gives_up_its_bed_and_a_dearer_one_does_not() -> None:
    able = resident("a", 8, load=30, sleep=bed(8, wake=2.0))
    old = resident("old", 8, load=20, gap=300, state="sleeping", sleep=bed(8), shares=(DeviceShare(HOST, 8 * GIB),))
    assert out(8, able, old, ram=8) == Leavers(stop=("old",), sleep=("a",), price=4.5 + 2.0)
    dear = replace(old, load_seconds=60.0, gap=0.0)
    assert out(8, able, dear, ram=8) == Leavers(stop=("a",), price=30.0)


def test_what_sleepers_keep_on_the_card_is_counted_once_for_each() -> None:
    first = resident("a", 6, load=40, sleep=bed(6, kept=1.0))
    second = resident("b", 6, load=30, sleep=bed(6, kept=1.0))
    assert out(10, first, second, ram=64) == Leavers(sleep=("a", "b"), price=4.0)
    assert out(11, first, second, ram=64) == Leavers(stop=("b",), sleep=("a",), price=32.0)
    assert out(12, first, second, ram=64) == Leavers(stop=("a", "b"), price=70.0)


def test_the_chosen_one_is_the_cheapest_by_what_a_bed_makes_of_it() -> None:
    sleeper = resident("sleeper", 8, load=50, sleep=bed(8, wake=2.0))
    other = resident("other", 8, load=10)
    assert out(8, sleeper, other, ram=8) == Leavers(sleep=("sleeper",), price=2.0)
    assert out(8, sleeper, other) == Leavers(stop=("other",), price=10.0)


def test_deeply_where_host_ram_has_no_room_for_weights_and_gone_where_it_has_none_at_all() -> None:
    able = resident("a", 8, load=60, sleep=bed(8, wake=2.0, deep=deep(1, wake=10.0)))
    assert out(8, able, ram=8) == Leavers(sleep=("a",), price=2.0)
    assert out(8, able, ram=7.9) == Leavers(deep=("a",), price=10.0)
    assert out(8, able, ram=1) == Leavers(deep=("a",), price=10.0)
    assert out(8, able, ram=0.9) == Leavers(stop=("a",), price=60.0)


def test_its_own_process_is_in_host_ram_already() -> None:
    shares = (DeviceShare("gpu0", 8 * GIB), DeviceShare(HOST, 1 * GIB))
    able = resident("a", 8, load=60, sleep=bed(8, deep=deep(1)), shares=shares)
    assert out(8, able, ram=1) == Leavers(deep=("a",), price=10.0), "none of it is needed anew"


def test_deeply_only_where_what_it_keeps_on_the_card_is_not_needed() -> None:
    able = resident("a", 8, load=60, sleep=bed(8, kept=0.5, deep=deep(1, kept=1.0)))
    assert out(7, able, ram=1) == Leavers(deep=("a",), price=10.0)
    assert out(7.2, able, ram=1) == Leavers(stop=("a",), price=60.0)
    assert out(7.2, able, ram=8) == Leavers(sleep=("a",), price=2.0)


def test_a_bed_is_cleared_only_when_that_is_worth_more_than_deep_sleep() -> None:
    able = resident("a", 8, load=60, sleep=bed(8, wake=2.0, deep=deep(1, wake=10.0)))
    old = resident("old", 8, load=20, gap=300, state="sleeping", sleep=bed(8), shares=(DeviceShare(HOST, 8 * GIB),))
    assert out(8, able, old, ram=9) == Leavers(stop=("old",), sleep=("a",), price=4.5 + 2.0)
    dearer = replace(old, gap=0.0)
    assert out(8, able, dearer, ram=9) == Leavers(deep=("a",), price=10.0)
    assert out(8, able, dearer, ram=8) == Leavers(stop=("old",), sleep=("a",), price=18.0 + 2.0), "against 60"


def test_who_is_hardly_missed_takes_nobody_s_bed() -> None:
    never = float("inf")
    able = resident("a", 8, load=60, gap=never, sleep=bed(8, deep=deep(1)))
    old = resident("old", 8, gap=never, state="sleeping", sleep=bed(8), shares=(DeviceShare(HOST, 8 * GIB),))
    assert out(8, able, old, ram=9) == Leavers(deep=("a",), price=0.0)
    assert out(8, able, old, ram=8) == Leavers(stop=("a",), price=0.0)
    assert out(8, able, old, ram=16) == Leavers(sleep=("a",), price=0.0)


def test_no_way_of_sleeping_that_takes_longer_than_a_load() -> None:
    slow = resident("a", 8, load=5, sleep=bed(8, wake=6.0, deep=deep(1, wake=9.0)))
    assert out(8, slow, ram=64) == Leavers(stop=("a",), price=5.0)
    assert out(8, replace(slow, load_seconds=7.0), ram=64) == Leavers(sleep=("a",), price=6.0)


def test_a_deep_sleepers_bed_is_worth_what_a_load_takes_more_than_its_wake() -> None:
    how = bed(8, wake=2.0, deep=deep(1, wake=10.0))
    assert price_of(resident("a", 8, load=60, state="sleeping", sleep=how), POLICY, 0.0) == 58.0
    assert price_of(resident("a", 8, load=60, state="sleeping", sleep=how, depth="deep"), POLICY, 0.0) == 50.0


def test_several_get_beds_of_either_depth_the_dearest_first() -> None:
    dear = resident("dear", 8, load=90, sleep=bed(8, wake=2.0, deep=deep(1, wake=10.0)))
    cheap = resident("cheap", 8, load=60, sleep=bed(8, wake=2.0, deep=deep(1, wake=10.0)))
    assert out(16, dear, cheap, ram=16) == Leavers(sleep=("dear", "cheap"), price=4.0)
    assert out(16, dear, cheap, ram=9) == Leavers(sleep=("dear",), deep=("cheap",), price=12.0)
    assert out(16, dear, cheap, ram=2) == Leavers(deep=("dear", "cheap"), price=20.0)
    assert out(16, dear, cheap, ram=1) == Leavers(stop=("cheap",), deep=("dear",), price=70.0)
