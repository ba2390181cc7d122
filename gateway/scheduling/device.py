"""Devices and the inventory of a machine, as the placement sees them. Data only; bytes throughout."""

from msgspec import Struct

HOST = "cpu"


class Device(Struct, frozen=True, kw_only=True):
    """One place with memory of its own: a GPU, or host RAM (``id`` = ``cpu``).

    ``foreign_bytes`` is what programs other than our engines hold; it is respected, never planned over.
    """

    id: str
    name: str
    total_bytes: int
    foreign_bytes: int = 0
    healthy: bool = True


class Inventory(Struct, frozen=True):
    """All devices at one moment, in order of preference for placing."""

    devices: tuple[Device, ...]

    def get(self, device_id: str) -> Device | None:
        """The device of that id, or ``None`` when it is gone."""
        return next((d for d in self.devices if d.id == device_id), None)
