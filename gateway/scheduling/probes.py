"""All kinds of devices of this machine in one reading, and which probe a process uses.

Each kind is read in a thread of its own: one driver that hangs or fails hides no other, and its cards stay listed as
they were last seen, unhealthy after a few readings in a row.
"""

import threading
from collections.abc import Sequence

import msgspec

from gateway.scheduling.device import HOST, Inventory
from gateway.scheduling.device_spec import parse
from gateway.scheduling.probe import Ours, Probe, Reading
from gateway.scheduling.probe_amd import AmdProbe
from gateway.scheduling.probe_host import HostProbe
from gateway.scheduling.probe_nvidia import NvidiaProbe

_PATIENCE = 1.5
_MISSED_BEFORE_UNHEALTHY = 3


class Probes:
    """Joins several, in order of preference: cards first, host RAM last."""

    def __init__(self, parts: Sequence[Probe], patience: float = _PATIENCE) -> None:
        self._parts = [_Part(probe, patience) for probe in parts]

    def read(self, ours: Ours) -> Reading:
        readings = [part.read(ours) for part in self._parts]
        devices = tuple(device for reading in readings for device in reading.inventory.devices)
        return Reading(Inventory(devices), tuple(use for reading in readings for use in reading.used))


class _Part:
    """One kind, with the last that was seen of it."""

    def __init__(self, probe: Probe, patience: float) -> None:
        self._probe = probe
        self._patience = patience
        self._thread: threading.Thread | None = None
        self._last = Reading(Inventory(()))
        self._fresh = False
        self._missed = 0

    def read(self, ours: Ours) -> Reading:
        if self._thread is None or not self._thread.is_alive():
            self._fresh = False
            self._thread = threading.Thread(target=self._work, args=(ours,), name="device-probe-part", daemon=True)
            self._thread.start()
        self._thread.join(self._patience)
        self._missed = 0 if self._fresh else self._missed + 1
        return self._last if self._missed < _MISSED_BEFORE_UNHEALTHY else _unhealthy(self._last)

    def _work(self, ours: Ours) -> None:
        try:
            self._last = self._probe.read(ours)
        except (OSError, RuntimeError):
            return
        self._fresh = True


class Scripted:
    """A machine in words. Nothing of it is read."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def read(self, ours: Ours) -> Reading:
        return Reading(self._inventory)


def probe_of(devices: str | None, memory_limit: int | None) -> Probe:
    """The probe of a process: this machine, a share of its host RAM (``ram=1GiB``), or the machine that is described.

    Raises ``BackendError(INVALID_REQUEST)`` for a description that is none.
    """
    if devices is None:
        return Probes((NvidiaProbe(), AmdProbe(), HostProbe(memory_limit)))
    described = parse(devices)
    host = described.get(HOST)
    if host is not None and not described.gpus:
        return HostProbe(host.total_bytes)
    return Scripted(described)


def _unhealthy(reading: Reading) -> Reading:
    devices = (msgspec.structs.replace(device, healthy=False) for device in reading.inventory.devices)
    return Reading(Inventory(tuple(devices)), reading.used)
