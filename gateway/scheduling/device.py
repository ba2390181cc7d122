"""Devices and the inventory of a machine, as the placement sees them. Data only; bytes throughout."""

from typing import Literal

from msgspec import Struct

HOST = "cpu"

Vendor = Literal["host", "nvidia", "amd", "apple", "scripted"]


class Device(Struct, frozen=True, kw_only=True):
    """One place with memory of its own: a GPU, a partition of one, or host RAM (``id`` = ``cpu``).

    ``foreign_bytes`` is what programs other than our engines hold; it is respected, never planned over. ``partition``
    names a slice of a card (MIG). ``unified``: GPU and CPU share this memory, so it is listed once, as host RAM.
    ``budgeted``: the total is what the operator allows, so that head-room lies outside of it.
    """

    id: str
    name: str
    total_bytes: int
    foreign_bytes: int = 0
    healthy: bool = True
    vendor: Vendor = "host"
    partition: str | None = None
    unified: bool = False
    budgeted: bool = False

    @property
    def is_gpu(self) -> bool:
        """Memory of a card of its own, beside host RAM."""
        return self.id != HOST


class Inventory(Struct, frozen=True):
    """All devices at one moment, in order of preference for placing: GPUs, then host RAM."""

    devices: tuple[Device, ...]

    def get(self, device_id: str) -> Device | None:
        """The device of that id, or ``None`` when it is gone."""
        return next((d for d in self.devices if d.id == device_id), None)

    @property
    def gpus(self) -> tuple[Device, ...]:
        """Every card or slice of one."""
        return tuple(d for d in self.devices if d.is_gpu)
