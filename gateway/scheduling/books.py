"""Who holds how many bytes where, added up once for a decision. Pure; bytes."""

from collections.abc import Iterable, Sequence

from gateway.scheduling.device import Inventory
from gateway.scheduling.policy import Policy
from gateway.scheduling.resident import Resident


class Books:
    """``free`` by device: usable less what is held. ``coming``: what is on its way back. ``holders``: who is there. A
    device that is gone is in none of them.
    """

    __slots__ = ("coming", "free", "holders", "usable")

    def __init__(self, residents: Sequence[Resident], inventory: Inventory, policy: Policy) -> None:
        self.usable = {device.id: policy.usable(device) for device in inventory.devices}
        self.free = dict(self.usable)
        self.coming = dict.fromkeys(self.usable, 0)
        self.holders: dict[str, list[Resident]] = {device_id: [] for device_id in self.usable}
        for resident in residents:
            for share in resident.shares:
                if share.device_id in self.free:
                    self.free[share.device_id] -= share.bytes
                    self.holders[share.device_id].append(resident)
            for share in resident.leaving:
                if share.device_id in self.coming:
                    self.coming[share.device_id] += share.bytes

    def on(self, device_ids: Iterable[str]) -> list[Resident]:
        """Everybody on any of those devices, once."""
        found: dict[str, Resident] = {}
        for device_id in device_ids:
            for resident in self.holders.get(device_id, ()):
                found[resident.variant_id] = resident
        return list(found.values())

    def has(self, needs: dict[str, int]) -> bool:
        """All of ``needs`` are free now."""
        return all(self.free.get(device_id, 0) >= amount for device_id, amount in needs.items())

    def missing(self, needs: dict[str, int]) -> dict[str, int]:
        """What is neither free nor on its way, by device; devices that lack nothing are left out."""
        return {
            device_id: amount - self.free.get(device_id, 0) - self.coming.get(device_id, 0)
            for device_id, amount in needs.items()
            if amount > self.free.get(device_id, 0) + self.coming.get(device_id, 0)
        }
