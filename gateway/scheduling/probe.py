"""Readings of this machine's memory. The only file of the package that asks the operating system.

One device today: host RAM, as psutil reports it. A GPU prober joins here behind the same ``Probe`` protocol.
"""

import platform
from typing import Protocol

import psutil

from gateway.scheduling.device import HOST, Device, Inventory


class Probe(Protocol):
    """Reads the inventory; may block for milliseconds, so it is called in a thread.

    ``own_bytes`` is what our engines hold, so that the rest counts as foreign.
    """

    def read(self, own_bytes: int) -> Inventory: ...


class HostProbe:
    """Host RAM. ``limit`` bounds what engines may take of it, in bytes."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._name = platform.processor() or platform.machine() or "host"

    def read(self, own_bytes: int) -> Inventory:
        memory = psutil.virtual_memory()
        foreign = max(0, memory.total - memory.available - own_bytes)
        total = memory.total
        if self._limit is not None:
            # A limit bounds our engines, whatever others use: it is met by what is left of the machine, if less.
            total = min(total, self._limit + foreign)
        return Inventory((Device(id=HOST, name=self._name, total_bytes=total, foreign_bytes=foreign),))
