"""The rules of placement, one by one, with numbers a reader can check."""

import msgspec
import pytest

from backends.contract import BackendState, DeviceShare
from backends.errors import Cause
from gateway.scheduling.decision import Decision, Join, Load, Refuse, Serve, Wait
from gateway.scheduling.device import Device, Inventory
from gateway.scheduling.placement import decide
from gateway.scheduling.policy import GIB, Policy
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Target
from tests.fakes.effects import NO_HEADROOM, machine, model

NOW = 1000.0


def resident(name: str, gib: float, device: str = "cpu", **fields: object) -> Resident:
    state = BackendState(str(fields.pop("state", "ready")))
    shares = (DeviceShare(device, int(gib * GIB)),)
    leaving = shares if state is BackendState.STOPPING else ()
    return Resident(variant_id=name, state=state, shares=shares, leaving=leaving, **fields)  # type: ignore[arg-type]


def place(target: Target, inventory: Inventory, *residents: Resident) -> Decision:
    return decide(target, residents, inventory, NO_HEADROOM, NOW)


def test_ready_with_a_free_slot_is_served_and_nothing_else_moves() -> None:
    assert place(model("a"), machine(1), resident("a", 10, slots=2, in_flight=1)) == Serve()


def test_full_loading_leaving_or_yielding_is_joined() -> None:
    for own in (
        resident("a", 10, slots=2, in_flight=2),
        resident("a", 10, state="starting"),
        resident("a", 10, state="stopping"),
        resident("a", 10, yielding=True),
    ):
        assert place(model("a"), machine(100), own) == Join()


def test_head_room_is_the_larger_of_share_and_floor_and_foreign_memory_is_respected() -> None:
    policy = Policy(headroom_ratio=0.1, headroom_bytes=GIB)
    device = Device(id="gpu0", name="x", total_bytes=100 * GIB, foreign_bytes=5 * GIB)
    assert policy.usable(device) == 85 * GIB
    assert policy.usable(Device(id="gpu0", name="x", total_bytes=4 * GIB)) == 3 * GIB
    assert policy.usable(Device(id="gpu0", name="x", total_bytes=4 * GIB, foreign_bytes=9 * GIB)) == 0
    assert policy.usable(Device(id="gpu0", name="x", total_bytes=4 * GIB, healthy=False)) == 0


def test_the_first_device_with_room_in_order_of_preference() -> None:
    decision = place(model("a"), machine(8, 12, 40))
    assert isinstance(decision, Load)
    assert decision.placement.shares == (DeviceShare("gpu1", 10 * GIB),)
    assert decision.placement.evict == ()
    assert "12.00 GiB free on gpu1" in decision.placement.why


def test_beside_others_before_evicting_even_on_a_later_device() -> None:
    decision = place(model("a"), machine(10, 10), resident("b", 10, "gpu0"))
    assert isinstance(decision, Load)
    assert decision.placement.shares[0].device_id == "gpu1"


def test_an_unhealthy_device_is_no_device() -> None:
    inventory = Inventory((Device(id="gpu0", name="x", total_bytes=99 * GIB, healthy=False),))
    decision = place(model("a"), inventory)
    assert isinstance(decision, Refuse)
    assert decision.cause is Cause.CANNOT_FIT
    assert decision.detail == "a needs 10.00 GiB and the largest device here can give 0.00 GiB"
    spread = place(msgspec.structs.replace(model("a"), split=2), machine(4, 4))
    assert isinstance(spread, Refuse)
    assert spread.detail.endswith("the largest device here can give 4.00 GiB on any 2 of them")
    assert isinstance(place(model("a"), Inventory(())), Refuse)


@pytest.mark.parametrize(("evenly", "cards"), [(False, 3), (True, 4)])
def test_what_splits_heads_gets_a_number_of_cards_that_divides_its_most(evenly: bool, cards: int) -> None:
    target = msgspec.structs.replace(model("a"), split=4, split_evenly=evenly)
    alike = Inventory(tuple(Device(id=f"gpu{i}", name="x", total_bytes=4 * GIB) for i in range(4)))
    decision = place(target, alike)
    assert isinstance(decision, Load)
    assert len(decision.placement.shares) == cards


def test_unmanaged_needs_no_device() -> None:
    assert isinstance(place(model("a", managed=False), Inventory(())), Load)


def test_the_cheapest_device_to_clear_is_cleared() -> None:
    decision = place(
        model("a"),
        machine(10, 10),
        resident("slow", 10, "gpu0", load_seconds=300),
        resident("quick", 10, "gpu1", load_seconds=3),
    )
    assert isinstance(decision, Load)
    assert decision.placement.evict == ("quick",)
    assert decision.placement.shares[0].device_id == "gpu1"


def test_a_larger_victim_spares_the_smaller_ones() -> None:
    decision = place(
        model("a"),
        machine(12),
        resident("small", 2, load_seconds=1),
        resident("large", 10, load_seconds=100),
    )
    assert isinstance(decision, Load)
    assert decision.placement.evict == ("large",)


def test_what_leaves_already_is_waited_for_and_nobody_else_asked() -> None:
    decision = place(model("a"), machine(20), resident("leaving", 10, state="stopping"), resident("idle", 10))
    assert isinstance(decision, Load)
    assert decision.placement.evict == ()
    assert decision.placement.after == ("leaving",)


def test_what_leaves_already_and_a_victim_together() -> None:
    decision = place(model("a", 12), machine(20), resident("leaving", 10, state="stopping"), resident("idle", 10))
    assert isinstance(decision, Load)
    assert decision.placement.evict == ("idle",)
    assert decision.placement.after == ("leaving",)


def test_bytes_already_promised_to_a_newcomer_are_not_given_twice() -> None:
    leaving, newcomer = resident("leaving", 10, state="stopping"), resident("newcomer", 8, state="starting")
    fits = place(model("a", 2), machine(10), leaving, newcomer)
    assert isinstance(fits, Load)
    assert fits.placement.after == ("leaving",)
    decision = place(model("a", 3), machine(10), leaving, newcomer)
    assert isinstance(decision, Wait)
    assert set(decision.behind) == {"leaving", "newcomer"}


def test_busy_ones_are_waited_for_by_name() -> None:
    decision = place(model("a"), machine(10, 5), resident("busy", 8, "gpu0", in_flight=1), resident("b", 5, "gpu1"))
    assert decision == Wait(("busy",), "waiting for busy", (DeviceShare("gpu0", 10 * GIB),))


def test_pinned_ones_are_not_waited_for() -> None:
    decision = place(model("a"), machine(20), resident("pin", 11, pinned=True), resident("busy", 5, in_flight=1))
    assert isinstance(decision, Refuse)
    assert decision.cause is Cause.NO_CAPACITY
    waits = place(model("a"), machine(21), resident("pin", 11, pinned=True), resident("busy", 5, in_flight=1))
    assert waits == Wait(("busy",), "waiting for busy", (DeviceShare("cpu", 10 * GIB),))


def test_a_pinned_one_that_leaves_anyway_is_waited_for() -> None:
    decision = place(model("a"), machine(10), resident("pin", 10, pinned=True, state="stopping"))
    assert isinstance(decision, Load)
    assert decision.placement.after == ("pin",)
