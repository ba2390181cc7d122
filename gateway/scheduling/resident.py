"""A snapshot of one variant that occupies memory: what placement may know of it. Data only; bytes and seconds."""

from msgspec import Struct

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.target import Depth, Sleep


class Resident(Struct, frozen=True, kw_only=True):
    """In memory now, or with memory reserved.

    ``shares`` is what it holds; ``leaving`` the part that comes back when the step under way ends; ``awake`` what it
    holds when it serves, where that differs (asleep). ``planned`` are the device and host bytes it was reserved for,
    before any measurement (``None``: never too small). ``yielding``: takes no new requests. ``owed``: must not be
    moved by whoever asks now. ``depth`` is how it sleeps, if it does. ``gap`` is the expected time to its next request
    (``None``: judge by ``last_used``), ``busy`` the time its running work will take, ``weight`` how much a second of
    waiting for it counts.
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
    leaving: tuple[DeviceShare, ...] = ()
    awake: tuple[DeviceShare, ...] = ()
    planned: tuple[int, int] | None = None
    sleep: Sleep | None = None
    depth: Depth = "light"
    gap: float | None = None
    busy: float = 0.0
    weight: float = 1.0

    def held(self, device_id: str) -> int:
        """Bytes on one device."""
        return bytes_on(self.shares, device_id)


def bytes_on(shares: tuple[DeviceShare, ...], device_id: str) -> int:
    """The sum over ``shares`` of one device."""
    total = 0
    for share in shares:  # not a generator: this is the inmost loop of every decision
        if share.device_id == device_id:
            total += share.bytes
    return total


def is_evictable(resident: Resident) -> bool:
    """At rest, not pinned, and nobody waits for it whose turn comes first."""
    still = resident.state is BackendState.SLEEPING or (
        resident.state is BackendState.READY and resident.in_flight == 0
    )
    return still and not resident.pinned and not resident.owed
