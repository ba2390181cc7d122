"""The one pure function that decides about memory: ``decide(target, residents, inventory, policy, now)``.

No I/O, no clock, no logging: it is asked speculatively. Residents include loads in flight with their reserved bytes,
so that two loads never both believe the memory is free. Rules are tried in order; each is a function below.
"""

from collections.abc import Sequence

from msgspec import Struct

from backends.contract import BackendState, DeviceShare
from backends.errors import Cause
from gateway.scheduling.device import HOST, Device, Inventory

GIB = 1024**3


class Target(Struct, frozen=True, kw_only=True):
    """A variant somebody wants: what it needs and how many requests one resident serves at once.

    ``managed`` is false for a server that somebody else runs: it takes none of our memory.
    """

    variant_id: str
    profile_id: str
    device_bytes: int
    host_bytes: int = 0
    slots: int = 1
    load_seconds: float = 30.0
    pin: bool = False
    managed: bool = True
    idle_unload_seconds: float | None = None

    def needs(self, device_id: str) -> int:
        """Bytes on that device: in host RAM the part that would stay there beside a GPU counts too."""
        return self.device_bytes + (self.host_bytes if device_id == HOST else 0)


class Resident(Struct, frozen=True, kw_only=True):
    """A snapshot of one variant that occupies memory now, or has it reserved.

    ``yielding``: takes no new requests. ``owed``: somebody waits for it whose turn comes first.
    """

    variant_id: str
    state: BackendState
    shares: tuple[DeviceShare, ...]
    in_flight: int = 0
    slots: int = 1
    last_used: float = 0.0
    load_seconds: float = 30.0
    pinned: bool = False
    yielding: bool = False
    owed: bool = False


class Policy(Struct, frozen=True, kw_only=True):
    """Head-room kept free on every device: the larger of a share of it and a floor."""

    headroom_ratio: float = 0.05
    headroom_bytes: int = GIB // 2

    def usable(self, device: Device) -> int:
        """Bytes of ``device`` that engines of ours may plan with."""
        headroom = max(int(device.total_bytes * self.headroom_ratio), self.headroom_bytes)
        return max(0, device.total_bytes - device.foreign_bytes - headroom) if device.healthy else 0


class Placement(Struct, frozen=True, kw_only=True):
    """Which devices a variant gets, who must leave first (``evict``), and who leaves already (``after``).

    ``why`` is for people.
    """

    variant_id: str
    shares: tuple[DeviceShare, ...]
    evict: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    why: str = ""


class Serve(Struct, frozen=True, tag=True):
    """Ready, with a free slot."""


class Join(Struct, frozen=True, tag=True):
    """Being loaded, or all slots busy: wait for it, nothing else has to happen."""


class Load(Struct, frozen=True, tag=True):
    """Start it at ``placement``, once those in ``placement.evict`` and ``placement.after`` have left."""

    placement: Placement


class Wait(Struct, frozen=True, tag=True):
    """Memory will come: ``behind`` are the busy residents that stand in the way."""

    behind: tuple[str, ...]
    why: str


class Refuse(Struct, frozen=True, tag=True):
    """It will never fit as things are; ``detail`` says the numbers."""

    cause: Cause
    detail: str


Decision = Serve | Join | Load | Wait | Refuse


def decide(target: Target, residents: Sequence[Resident], inventory: Inventory, policy: Policy, now: float) -> Decision:
    """What to do for ``target``, given everything that occupies memory. Same inputs, same output."""
    own = next((r for r in residents if r.variant_id == target.variant_id), None)
    if own is not None:
        return _with_resident(own)
    if not target.managed:
        return Load(Placement(variant_id=target.variant_id, shares=(), why="served by somebody else's process"))
    others = tuple(r for r in residents if r.variant_id != target.variant_id)
    candidates = [d for d in inventory.devices if policy.usable(d) >= target.needs(d.id)]
    if not candidates:
        return _cannot_fit(target, inventory, policy)
    return (
        _beside(target, others, candidates, policy)
        or _by_eviction(target, others, candidates, policy, now)
        or _behind(target, others, candidates, policy)
    )


def _with_resident(own: Resident) -> Decision:
    if own.state is BackendState.READY and not own.yielding and own.in_flight < own.slots:
        return Serve()
    return Join()


def _cannot_fit(target: Target, inventory: Inventory, policy: Policy) -> Refuse:
    best = max(inventory.devices, key=policy.usable, default=None)
    needs = target.device_bytes if best is None else target.needs(best.id)
    given = 0 if best is None else policy.usable(best)
    return Refuse(
        Cause.CANNOT_FIT,
        f"{target.variant_id} needs {needs / GIB:.2f} GiB and the largest device here can give {given / GIB:.2f} GiB",
    )


def _free(device: Device, residents: Sequence[Resident], policy: Policy) -> int:
    taken = sum(s.bytes for r in residents for s in r.shares if s.device_id == device.id)
    return policy.usable(device) - taken


def _beside(target: Target, others: Sequence[Resident], candidates: Sequence[Device], policy: Policy) -> Load | None:
    """It fits beside everybody: the first device with room, so that GPUs come before host RAM."""
    for device in candidates:
        free = _free(device, others, policy)
        needs = target.needs(device.id)
        if free >= needs:
            why = f"{free / GIB:.2f} GiB free on {device.id}, needs {needs / GIB:.2f}"
            return Load(_placement(target, device, why))
    return None


def _by_eviction(
    target: Target, others: Sequence[Resident], candidates: Sequence[Device], policy: Policy, now: float
) -> Load | None:
    """Idle residents leave, the cheapest to bring back first; never a busy, starting or pinned one."""
    best: tuple[float, int, Device, tuple[Resident, ...]] | None = None
    for order, device in enumerate(candidates):
        victims = _victims(target, others, device, policy, now)
        if victims is not None:
            cost = sum(_cost(v, now) for v in victims)
            if best is None or (cost, order) < best[:2]:
                best = (cost, order, device, victims)
    if best is None:
        return None
    _, _, device, victims = best
    evict = tuple(v.variant_id for v in victims)
    after = tuple(r.variant_id for r in others if r.state is BackendState.STOPPING and _share(r, device) > 0)
    why = f"makes room on {device.id} by unloading {', '.join(evict + after)}"
    return Load(_placement(target, device, why, evict, after))


def _cost(resident: Resident, now: float) -> float:
    return resident.load_seconds / (1.0 + max(0.0, now - resident.last_used))


def _victims(
    target: Target, others: Sequence[Resident], device: Device, policy: Policy, now: float
) -> tuple[Resident, ...] | None:
    missing = target.needs(device.id) - _free(device, others, policy)
    # What is already leaving counts as on its way, so that nobody else is asked to leave for the same bytes.
    missing -= sum(_share(r, device) for r in others if r.state is BackendState.STOPPING)
    idle = [r for r in others if is_evictable(r) and _share(r, device) > 0]
    idle.sort(key=lambda r: (_cost(r, now), r.variant_id))
    chosen: list[Resident] = []
    for resident in idle:
        if missing <= 0:
            break
        chosen.append(resident)
        missing -= _share(resident, device)
    if missing > 0:
        return None
    # A later, larger victim can make an earlier one unnecessary: keep the set minimal.
    surplus = -missing
    for resident in tuple(chosen):
        if _share(resident, device) <= surplus:
            chosen.remove(resident)
            surplus -= _share(resident, device)
    return tuple(chosen)


def _behind(target: Target, others: Sequence[Resident], candidates: Sequence[Device], policy: Policy) -> Decision:
    """Waiting only helps where enough is held by residents that will leave one day."""
    stay = [r for r in others if r.pinned and r.state is not BackendState.STOPPING]
    hopeful = [d for d in candidates if _free(d, stay, policy) >= target.needs(d.id)]
    if not hopeful:
        return Refuse(Cause.NO_CAPACITY, f"memory that {target.variant_id} needs is held by pinned models")
    behind = tuple(r.variant_id for r in others if r not in stay and any(_share(r, d) > 0 for d in hopeful))
    return Wait(behind, f"waiting for {', '.join(behind)}")


def is_evictable(resident: Resident) -> bool:
    """Idle, ready, not pinned, and nobody waits for it whose turn comes first."""
    idle = resident.state is BackendState.READY and resident.in_flight == 0
    return idle and not resident.pinned and not resident.owed


def _share(resident: Resident, device: Device) -> int:
    return sum(s.bytes for s in resident.shares if s.device_id == device.id)


def _placement(
    target: Target, device: Device, why: str, evict: tuple[str, ...] = (), after: tuple[str, ...] = ()
) -> Placement:
    share = DeviceShare(device.id, target.needs(device.id))
    return Placement(variant_id=target.variant_id, shares=(share,), evict=evict, after=after, why=why)
