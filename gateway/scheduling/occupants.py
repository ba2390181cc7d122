"""The scheduler's own record of what occupies memory. Mutable, private to the scheduler; others get snapshots."""

from collections.abc import Iterator

from msgspec import Struct, field

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.estimate import ServiceTime
from gateway.scheduling.placement import Placement, Resident, Target
from gateway.scheduling.queue import TicketQueue


class Occupant(Struct, kw_only=True, eq=False):
    """One variant in memory, or on its way in or out.

    ``awaiting`` names the victims that must be gone before the start; ``leave_when_idle`` is a drain's reason.
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
    shares: tuple[DeviceShare, ...] = ()
    oom_retried: bool = False
    served: int = 0

    @property
    def holds_back(self) -> bool:
        """No new grants. A fresh load first serves one full round, else its load was for nothing."""
        return self.leave_when_idle is not None or (self.yielding and self.served >= self.target.slots)

    @property
    def can_grant(self) -> bool:
        return self.state is BackendState.READY and self.in_flight < self.target.slots and not self.holds_back

    def snapshot(self, waiting: int, *, impatient: bool = False) -> Resident:
        """``waiting`` tickets want it. For an ``impatient`` competitor they count until it had one full round only."""
        return Resident(
            variant_id=self.target.variant_id,
            state=self.state,
            shares=self.shares,
            in_flight=self.in_flight,
            slots=self.target.slots,
            last_used=self.last_used,
            load_seconds=self.target.load_seconds,
            pinned=self.pinned,
            yielding=self.holds_back,
            owed=waiting > 0 and not (impatient and self.served >= self.target.slots),
        )


class Occupants:
    """All occupants by variant id, and the service times that outlive them."""

    def __init__(self) -> None:
        self._by_id: dict[str, Occupant] = {}
        self._service: dict[str, ServiceTime] = {}

    def get(self, variant_id: str) -> Occupant | None:
        return self._by_id.get(variant_id)

    def __iter__(self) -> Iterator[Occupant]:
        return iter(tuple(self._by_id.values()))

    def add(self, occupant: Occupant) -> None:
        self._by_id[occupant.target.variant_id] = occupant

    def remove(self, variant_id: str) -> Occupant | None:
        return self._by_id.pop(variant_id, None)

    def snapshots(self, queue: TicketQueue, *, impatient: bool = False) -> tuple[Resident, ...]:
        """Everybody, as seen by a ticket that is ``impatient`` or not."""
        return tuple(o.snapshot(queue.count(o.target.variant_id), impatient=impatient) for o in self._by_id.values())

    def service(self, variant_id: str) -> ServiceTime:
        """The moving average of lease times; variants are a closed set, so this stays small."""
        known = self._service.get(variant_id)
        if known is None:
            known = self._service[variant_id] = ServiceTime()
        return known
