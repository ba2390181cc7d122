"""This machine's memory over time: readings of the probe, and what each engine of ours takes. Asks; decides nothing."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Protocol

from backends.contract import DeviceShare
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST, Inventory
from gateway.scheduling.launcher import Running
from gateway.scheduling.probe import Probe, Readings
from gateway.scheduling.target import Target

_log = logging.getLogger("forebay.scheduling")
_PROBE_TIMEOUT = 2.0


class Learner(Protocol):
    """Who remembers what engines take."""

    def took(self, variant_id: str, device: str, taken: int, *, worked: bool) -> None: ...

    def loaded(self, variant_id: str, seconds: float) -> None: ...

    def save(self) -> None: ...


class Machine:
    """One per runtime. Implements ``engine_tasks.Memory``. ``save`` of the learner runs in a thread."""

    def __init__(self, probe: Probe, learner: Learner | None = None) -> None:
        self._probe = probe
        self._readings = Readings(probe)
        self._learner = learner
        self._memory: dict[str, int] = {}
        self._where: dict[str, str] = {}
        self._inventory = Inventory(())

    def first_reading(self) -> Inventory:
        """Before anything runs; blocks for milliseconds."""
        self._inventory = self._probe.read(0)
        return self._inventory

    def own_bytes(self) -> int:
        """Resident bytes of all engines of ours, as last read."""
        return sum(self._memory.values())

    async def read(self, running: Mapping[str, Running], worked: Collection[str] = ()) -> Inventory | None:
        """A fresh inventory, or ``None`` when the probe raised or hangs. ``worked``: engines that have served."""
        for variant_id, engine in tuple(running.items()):
            taken = self._memory[variant_id] = await engine.memory()
            self._learn(variant_id, taken, worked=variant_id in worked)
        for variant_id in self._memory.keys() - running.keys():
            del self._memory[variant_id]
        if self._learner is not None:
            await asyncio.to_thread(self._learner.save)
        try:
            self._inventory = await self._readings.take(self.own_bytes(), _PROBE_TIMEOUT)
        except (TimeoutError, OSError, RuntimeError) as error:
            _log.warning("device probe failed: %s", type(error).__name__)
            return None
        return self._inventory

    async def measured(self, target: Target, placement: Placement, running: Running) -> tuple[DeviceShare, ...]:
        """What it took, where that is more than was reserved (memory that grows lazily still looks small now)."""
        taken = self._memory[target.variant_id] = await running.memory()
        self._where[target.variant_id] = self._kind(placement)
        self._learn(target.variant_id, taken, worked=False)
        return self.beyond(target.variant_id, placement.shares)

    def beyond(self, variant_id: str, shares: tuple[DeviceShare, ...]) -> tuple[DeviceShare, ...]:
        """What it held at the last reading, where that is more than ``shares``; else nothing."""
        taken = self._memory.get(variant_id, 0)
        if len(shares) != 1 or shares[0].device_id != HOST or taken <= shares[0].bytes:
            return ()
        return (DeviceShare(HOST, taken),)

    def loaded(self, target: Target, seconds: float) -> None:
        """How long a load took."""
        if self._learner is not None:
            self._learner.loaded(target.variant_id, seconds)

    async def returned(self, variant_id: str, running: Running) -> None:
        """Host RAM is back when its process is gone."""
        self._memory.pop(variant_id, None)

    def _learn(self, variant_id: str, taken: int, *, worked: bool) -> None:
        if self._learner is not None and self._where.get(variant_id) == HOST:
            self._learner.took(variant_id, HOST, taken, worked=worked)

    def _kind(self, placement: Placement) -> str:
        """The kind of device it runs on: a card's name, or host RAM."""
        first = next((s.device_id for s in placement.shares if s.device_id != HOST), HOST)
        device = self._inventory.get(first)
        return first if device is None or first == HOST else device.name
