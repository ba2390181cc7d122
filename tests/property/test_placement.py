"""What must hold of every decision about memory, whatever the machine and its residents."""

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.decision import Decision, Load, Refuse, Serve, Wait
from gateway.scheduling.device import Device, Inventory
from gateway.scheduling.placement import decide
from gateway.scheduling.policy import Policy
from gateway.scheduling.resident import Resident, is_evictable
from gateway.scheduling.target import Target

POLICY = Policy(headroom_ratio=0.05, headroom_bytes=2)
NOW = 500.0
checked = settings(max_examples=250, deadline=None, derandomize=True)
STATES = (BackendState.READY, BackendState.READY, BackendState.READY, BackendState.STARTING, BackendState.STOPPING)

sizes = st.sampled_from((24, 30, 36, 20, 8))
foreign = st.sampled_from((0, 0, 0, 0, 4, 12))
health = st.sampled_from((True, True, True, True, True, True, False))


def _device(name: str) -> st.SearchStrategy[Device]:
    return st.builds(
        Device, id=st.just(name), name=st.just("x"), total_bytes=sizes, foreign_bytes=foreign, healthy=health
    )


inventories = st.one_of(st.tuples(_device("gpu0")), st.tuples(_device("gpu0"), _device("cpu"))).map(Inventory)


def _resident(name: str) -> st.SearchStrategy[Resident]:
    return st.builds(
        Resident,
        variant_id=st.just(name),
        state=st.sampled_from(STATES),
        shares=st.tuples(st.builds(DeviceShare, st.sampled_from(("gpu0", "gpu0", "cpu")), st.integers(2, 14))),
        in_flight=st.sampled_from((0, 0, 0, 1)),
        slots=st.integers(1, 3),
        last_used=st.sampled_from((0.0, 100.0, 400.0, 499.0, 500.0)),
        load_seconds=st.sampled_from((1.0, 10.0, 60.0, 300.0)),
        pinned=st.sampled_from((False, False, False, False, True)),
        yielding=st.booleans(),
        owed=st.sampled_from((False, False, False, True)),
    )


residents = st.integers(0, 6).flatmap(lambda count: st.tuples(*(_resident(f"r{n}") for n in range(count))))
targets = st.builds(
    Target,
    variant_id=st.just("target"),
    profile_id=st.just("target"),
    device_bytes=st.integers(0, 22),
    managed=st.sampled_from((True, True, True, True, True, True, False)),
)


# Eviction is rare in the open; here one device of 30 is crowded with mostly idle residents.
crowds = st.lists(
    st.tuples(
        st.integers(4, 12),
        st.sampled_from((1.0, 10.0, 60.0, 300.0)),
        st.sampled_from((0.0, 400.0, 500.0)),
        st.integers(0, 9),
    ),
    min_size=3,
    max_size=6,
).map(
    lambda rows: tuple(
        Resident(
            variant_id=f"r{n}",
            state=BackendState.STOPPING if kind == 9 else BackendState.READY,
            leaving=(DeviceShare("gpu0", size),) if kind == 9 else (),
            shares=(DeviceShare("gpu0", size),),
            in_flight=int(kind == 8),
            pinned=kind == 7,
            owed=kind == 6,
            load_seconds=load,
            last_used=used,
        )
        for n, (size, load, used, kind) in enumerate(rows)
    )
)
hungry = st.integers(10, 28).map(lambda size: Target(variant_id="target", profile_id="target", device_bytes=size))
one_device = st.just(Inventory((Device(id="gpu0", name="x", total_bytes=32),)))


def held(device_id: str, among: tuple[Resident, ...], *, without: tuple[str, ...] = ()) -> int:
    """Bytes of a device that stay taken: by everybody but those who leave or are told to."""
    return sum(
        share.bytes
        for r in among
        if r.state is not BackendState.STOPPING and r.variant_id not in without
        for share in r.shares
        if share.device_id == device_id
    )


def usable(inventory: Inventory, device_id: str) -> int:
    device = inventory.get(device_id)
    return 0 if device is None else POLICY.usable(device)


@checked
@given(targets | hungry, residents | crowds, inventories | one_device)
def test_shares_never_exceed_what_is_usable_minus_reservations(
    target: Target, among: tuple[Resident, ...], inventory: Inventory
) -> None:
    decision = decide(target, among, inventory, POLICY, NOW)
    if isinstance(decision, Load) and target.managed:
        (share,) = decision.placement.shares
        assert share.bytes == target.device_bytes
        taken = held(share.device_id, among, without=decision.placement.evict)
        assert taken + share.bytes <= usable(inventory, share.device_id)
        leaving = [r for r in among if r.state is BackendState.STOPPING]
        if set(decision.placement.after) != {r.variant_id for r in leaving if held_on(r, share.device_id)}:
            still = sum(held_on(r, share.device_id) for r in leaving)
            assert taken + still + share.bytes <= usable(inventory, share.device_id), "it fits beside those who leave"


def held_on(resident: Resident, device_id: str) -> int:
    return sum(s.bytes for s in resident.shares if s.device_id == device_id)


@checked
@given(hungry, crowds, one_device)
def test_only_idle_unpinned_residents_nobody_waits_for_are_evicted(
    target: Target, among: tuple[Resident, ...], inventory: Inventory
) -> None:
    decision = decide(target, among, inventory, POLICY, NOW)
    if isinstance(decision, Load):
        by_id = {r.variant_id: r for r in among}
        assert len(set(decision.placement.evict)) == len(decision.placement.evict)
        for name in decision.placement.evict:
            victim = by_id[name]
            assert is_evictable(victim)
            assert victim.state is BackendState.READY
            assert victim.in_flight == 0
            assert not victim.pinned
            assert not victim.owed
        for name in decision.placement.after:
            assert by_id[name].state is BackendState.STOPPING


@checked
@given(targets, residents, inventories)
def test_the_same_inputs_give_the_same_decision(
    target: Target, among: tuple[Resident, ...], inventory: Inventory
) -> None:
    assert decide(target, among, inventory, POLICY, NOW) == decide(target, list(among), inventory, POLICY, NOW)


@checked
@given(
    targets | hungry, residents | crowds, inventories | one_device, st.lists(st.integers(0, 30), min_size=2, max_size=2)
)
def test_more_memory_never_turns_a_load_into_a_refusal_or_a_wait_into_one(
    target: Target, among: tuple[Resident, ...], inventory: Inventory, more: list[int]
) -> None:
    grown = Inventory(
        tuple(
            Device(
                id=d.id,
                name=d.name,
                total_bytes=d.total_bytes + extra,
                foreign_bytes=d.foreign_bytes,
                healthy=d.healthy,
            )
            for d, extra in zip(inventory.devices, more, strict=False)
        )
    )
    before, after = (decide(target, among, i, POLICY, NOW) for i in (inventory, grown))
    if isinstance(before, Load | Wait):
        assert not isinstance(after, Refuse)
    if isinstance(before, Load):
        assert isinstance(after, Load)


@checked
@given(hungry, crowds, one_device)
def test_no_victim_is_superfluous(target: Target, among: tuple[Resident, ...], inventory: Inventory) -> None:
    decision = decide(target, among, inventory, POLICY, NOW)
    if not isinstance(decision, Load):
        return
    placement = decision.placement
    for spared in placement.evict:
        (share,) = placement.shares
        others = tuple(v for v in placement.evict if v != spared)
        assert held(share.device_id, among, without=others) + share.bytes > usable(inventory, share.device_id)


@checked
@given(targets, residents, inventories, st.integers(1, 3))
def test_a_ready_target_moves_nobody(
    target: Target, among: tuple[Resident, ...], inventory: Inventory, slots: int
) -> None:
    own = Resident(variant_id="target", state=BackendState.READY, shares=(), in_flight=slots - 1, slots=slots)
    assert decide(target, (*among, own), inventory, POLICY, NOW) == Serve()


@checked
@given(targets | hungry, residents | crowds, inventories | one_device)
def test_waiting_is_only_told_where_it_helps(target: Target, among: tuple[Resident, ...], inventory: Inventory) -> None:
    """Once everybody it waits for is idle or gone and owed nothing, it loads."""
    decision = decide(target, among, inventory, POLICY, NOW)
    if not isinstance(decision, Wait):
        return
    assert decision.behind
    later: Decision = decide(
        target, tuple(r for r in among if r.variant_id not in decision.behind), inventory, POLICY, NOW
    )
    assert isinstance(later, Load)
    assert later.placement.evict == ()
