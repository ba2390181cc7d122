"""Who holds which bytes at which moment of a simulation, and what was moved for it. The same for every policy."""

from collections import Counter

from backends.contract import DeviceShare
from gateway.scheduling import bed
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import Inventory
from gateway.scheduling.target import Depth, Target

_FOR_ANOTHER = "makes room"


class Ledger:
    """Counts from the effects that a policy asks for, never from what it says of itself. Bytes."""

    def __init__(self, inventory: Inventory) -> None:
        self._total = {device.id: device.total_bytes for device in inventory.devices}
        self.held: dict[str, tuple[DeviceShare, ...]] = {}
        self._awake: dict[str, tuple[DeviceShare, ...]] = {}
        self._targets: dict[str, Target] = {}
        self._depths: dict[str, Depth] = {}
        self._sum: Counter[str] = Counter()
        self.worst: Counter[str] = Counter()
        self.swaps: Counter[str] = Counter()
        self.evictions: Counter[str] = Counter()
        self.loaded: Counter[str] = Counter()
        self.swaps_on: Counter[str] = Counter()
        self.evictions_on: Counter[str] = Counter()
        self.loaded_on: Counter[str] = Counter()

    def devices_of(self, variant_id: str) -> tuple[str, ...]:
        """Where it is."""
        return tuple(share.device_id for share in self._awake.get(variant_id, ()))

    def start(self, target: Target, placement: Placement) -> None:
        """A load begins: its bytes are held from now on."""
        self._targets[target.variant_id] = target
        self._awake[target.variant_id] = placement.shares
        self._hold(target.variant_id, placement.shares)
        self._count_swap(target, placement)
        for share in placement.shares:
            self.loaded[target.profile_id] += share.bytes
            self.loaded_on[share.device_id] += share.bytes

    def wake(self, target: Target, placement: Placement) -> None:
        """It is held on both sides while it wakes."""
        self._awake[target.variant_id] = placement.shares
        self._hold(target.variant_id, bed.both(self.held[target.variant_id], placement.shares))
        self._count_swap(target, placement)

    def awake(self, variant_id: str) -> None:
        """Loaded or woken."""
        self._hold(variant_id, self._awake[variant_id])

    def depth_of(self, variant_id: str) -> Depth:
        """How it sleeps, or slept last."""
        return self._depths.get(variant_id, "light")

    def sleep(self, variant_id: str, depth: Depth, reason: str) -> None:
        """It is held on both sides while it falls asleep."""
        self._depths[variant_id] = depth
        self._hold(variant_id, bed.both(self._awake[variant_id], self._asleep(variant_id)))
        self._count_eviction(variant_id, reason)

    def slept(self, variant_id: str) -> None:
        """Its devices are free."""
        self._hold(variant_id, self._asleep(variant_id))

    def stop(self, variant_id: str, reason: str) -> None:
        """It holds its bytes until ``stopped``."""
        self._count_eviction(variant_id, reason)

    def stopped(self, variant_id: str) -> None:
        """Everything is free."""
        self._hold(variant_id, ())

    def _asleep(self, variant_id: str) -> tuple[DeviceShare, ...]:
        how = self._targets[variant_id].sleep
        assert how is not None, "only what can sleep is put to sleep"
        return bed.asleep(self._awake[variant_id], how.bed(self.depth_of(variant_id)))

    def _hold(self, variant_id: str, shares: tuple[DeviceShare, ...]) -> None:
        for share in self.held.get(variant_id, ()):
            self._sum[share.device_id] -= share.bytes
        self.held[variant_id] = shares
        for share in shares:
            self._sum[share.device_id] += share.bytes
            over = self._sum[share.device_id] - self._total.get(share.device_id, 0)
            self.worst[share.device_id] = max(self.worst[share.device_id], over)

    def _count_swap(self, target: Target, placement: Placement) -> None:
        if placement.leavers:
            self.swaps[target.profile_id] += 1
            for share in placement.shares[:1]:
                self.swaps_on[share.device_id] += 1

    def _count_eviction(self, variant_id: str, reason: str) -> None:
        if reason.startswith(_FOR_ANOTHER):
            self.evictions[self._targets[variant_id].profile_id] += 1
            for share in self._awake[variant_id][:1]:
                self.evictions_on[share.device_id] += 1
