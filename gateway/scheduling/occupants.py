"""The scheduler's own record of what occupies memory. Mutable, private to the scheduler; others get snapshots."""

from collections.abc import Iterator
from math import inf

from msgspec import Struct, field

from backends.contract import BackendState, DeviceShare, Pressure
from gateway.scheduling.allowance import Allowance
from gateway.scheduling.decision import Placement, Step
from gateway.scheduling.device import HOST
from gateway.scheduling.estimate import ServiceTime
from gateway.scheduling.popularity import Popularity
from gateway.scheduling.replica import base_of
from gateway.scheduling.resident import Resident, bytes_on
from gateway.scheduling.target import Depth, Target


class Occupant(Struct, kw_only=True, eq=False):
    """One variant in memory, or on its way in or out.

    ``step`` is what begins when all in ``awaiting`` have left; ``leave_when_idle`` is a drain's reason. ``gate`` is how
    many waited when it became ready: so many it serves before anybody's turn ends its own. ``claimed`` names the line
    it is being emptied for. ``begun`` are the times at which the running requests began. ``pressure`` is what its
    engine says of its load, ``allowance`` what follows from that.
    """

    target: Target
    placement: Placement
    state: BackendState
    since: float
    in_flight: int = 0
    last_used: float = 0.0
    pinned: bool = False
    yielding: bool = False
    leave_when_idle: str | None = None
    awaiting: set[str] = field(default_factory=set[str])
    step: Step | None = None
    shares: tuple[DeviceShare, ...] = ()
    leaving: tuple[DeviceShare, ...] = ()
    awake: tuple[DeviceShare, ...] = ()
    depth: Depth = "light"
    oom_retried: bool = False
    served: int = 0
    gate: int = 0
    claimed: str | None = None
    begun: float = 0.0
    pressure: Pressure | None = None
    allowance: Allowance = Allowance()

    @property
    def slots(self) -> int:
        """Requests it is given at once, as things are."""
        return self.target.slots if self.allowance.slots is None else self.allowance.slots

    @property
    def waiting_inside(self) -> int:
        """Requests in its engine's own queue, as far as known."""
        return 0 if self.pressure is None else self.pressure.waiting

    @property
    def holds_back(self) -> bool:
        """No new grants: it is being emptied, or its memory is still on the way."""
        return self.leave_when_idle is not None or self.yielding or bool(self.awaiting)

    @property
    def can_grant(self) -> bool:
        return self.state is BackendState.READY and self.in_flight < self.slots and not self.holds_back

    @property
    def falls_asleep(self) -> bool:
        """On its way to bed: it holds there what it will not hold on its devices."""
        return self.state is BackendState.STOPPING and self.leaving != self.shares

    @property
    def planned(self) -> tuple[int, int]:
        """Device and host bytes that requests may need without more being reserved: as planned, or as measured."""
        cards = sum(share.bytes for share in self.shares if share.device_id != HOST)
        host = bytes_on(self.shares, HOST)
        own = self.target
        if cards:
            return max(own.device_bytes, cards), max(own.host_bytes, host)
        return max(own.device_bytes, host - own.host_bytes), own.host_bytes

    def fits(self, target: Target) -> bool:
        """Its reservation is large enough for a request of ``target``."""
        if target is self.target or target.fixed:
            return True  # the usual case, on the hot path
        device, host = self.planned
        return target.device_bytes <= device and target.host_bytes <= host


class Occupants:
    """All occupants by variant id, and what outlives them: service times and how often a model is asked for."""

    def __init__(self) -> None:
        self._by_id: dict[str, Occupant] = {}
        self._service: dict[str, ServiceTime] = {}
        self._popularity: dict[str, Popularity] = {}
        self._replicas: dict[str, int] = {}

    def get(self, variant_id: str) -> Occupant | None:
        return self._by_id.get(variant_id)

    def __iter__(self) -> Iterator[Occupant]:
        return iter(tuple(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, occupant: Occupant) -> None:
        name = occupant.target.variant_id
        if name not in self._by_id:
            self._replicas[base_of(name)] = self._replicas.get(base_of(name), 0) + 1
        self._by_id[name] = occupant

    def remove(self, variant_id: str) -> Occupant | None:
        if variant_id in self._by_id:
            self._replicas[base_of(variant_id)] -= 1
        return self._by_id.pop(variant_id, None)

    def ready(self, variant_id: str) -> list[Occupant]:
        """All replicas of it that take calls."""
        base = base_of(variant_id)
        if self._replicas.get(base, 0) == 0:
            return []
        return [
            o for o in self._by_id.values() if o.state is BackendState.READY and base_of(o.target.variant_id) == base
        ]

    def service(self, variant_id: str) -> ServiceTime:
        """The moving average of lease times, of all replicas; variants are a closed set, so this stays small."""
        name = base_of(variant_id)
        known = self._service.get(name)
        if known is None:
            known = self._service[name] = ServiceTime()
        return known

    def popularity(self, profile_id: str) -> Popularity:
        """When the model was asked for; profiles are a closed set too."""
        known = self._popularity.get(profile_id)
        if known is None:
            known = self._popularity[profile_id] = Popularity()
        return known

    def busy(self, occupant: Occupant, now: float) -> float:
        """Seconds until what runs on it has ended, by expectation."""
        if not occupant.in_flight:
            return 0.0
        return self.service(occupant.target.variant_id).remaining(now - occupant.begun)

    def _is_spare(self, occupant: Occupant) -> bool:
        """Another of its kind would take its requests: it is missed as much as it was used itself, not as the model."""
        others = self.ready(occupant.target.variant_id)
        return any(o is not occupant and o.can_grant for o in others)

    def snapshot(self, occupant: Occupant, now: float, *, owed: bool = False) -> Resident:
        """As placement sees it; ``owed``: whoever asks now must not move it."""
        target = occupant.target
        popularity = self._popularity.get(target.profile_id)
        gap = inf if popularity is None else popularity.gap(now)
        if self._replicas.get(base_of(target.variant_id), 0) > 1 and self._is_spare(occupant):
            gap = None
        return Resident(
            variant_id=target.variant_id,
            state=occupant.state,
            shares=occupant.shares,
            in_flight=occupant.in_flight,
            slots=occupant.slots,
            last_used=occupant.last_used,
            load_seconds=target.load_seconds,
            pinned=occupant.pinned,
            yielding=occupant.holds_back,
            owed=owed,
            leaving=occupant.leaving,
            awake=occupant.awake,
            planned=occupant.planned,
            sleep=target.sleep,
            depth=occupant.depth,
            gap=gap,
            busy=self.busy(occupant, now),
            weight=1.0 if popularity is None else popularity.weight,
        )
