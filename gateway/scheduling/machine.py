"""This machine's memory over time: readings of the probe, and what each engine of ours takes. Asks; decides nothing."""

import logging
from collections.abc import Mapping

from backends.contract import DeviceShare
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import Inventory
from gateway.scheduling.launcher import Running
from gateway.scheduling.probe import Probe, Readings
from gateway.scheduling.target import Target

_log = logging.getLogger("forebay.scheduling")
_PROBE_TIMEOUT = 2.0


class Machine:
    """One per runtime. Implements ``engine_tasks.Memory``."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._readings = Readings(probe)
        self._memory: dict[str, int] = {}

    def first_reading(self) -> Inventory:
        """Before anything runs; blocks for milliseconds."""
        return self._probe.read(0)

    def own_bytes(self) -> int:
        """Resident bytes of all engines of ours, as last read."""
        return sum(self._memory.values())

    async def read(self, running: Mapping[str, Running]) -> Inventory | None:
        """A fresh inventory, or ``None`` when the probe raised or hangs."""
        for variant_id, engine in tuple(running.items()):
            self._memory[variant_id] = await engine.memory()
        for variant_id in self._memory.keys() - running.keys():
            del self._memory[variant_id]
        try:
            return await self._readings.take(self.own_bytes(), _PROBE_TIMEOUT)
        except (TimeoutError, OSError, RuntimeError) as error:
            _log.warning("device probe failed: %s", type(error).__name__)
            return None

    async def measured(self, target: Target, placement: Placement, running: Running) -> tuple[DeviceShare, ...]:
        """What it took, where that is more than was reserved (memory that grows lazily still looks small now)."""
        taken = self._memory[target.variant_id] = await running.memory()
        if len(placement.shares) != 1 or taken <= placement.shares[0].bytes:
            return ()
        return (DeviceShare(placement.shares[0].device_id, taken),)

    async def returned(self, variant_id: str, running: Running) -> None:
        """Host RAM is back when its process is gone."""
        self._memory.pop(variant_id, None)
