"""This machine's memory over time: readings of the probe, and what each engine of ours takes. Asks; decides nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from msgspec import Struct

from backends.contract import DeviceShare
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST, Inventory
from gateway.scheduling.launcher import Running
from gateway.scheduling.probe import Ours, Probe, Reading, Readings
from gateway.scheduling.reclaim import returned
from gateway.scheduling.target import Target

_log = logging.getLogger("forebay.scheduling")
_PROBE_TIMEOUT = 5.0


class Learner(Protocol):
    """Who remembers what engines take."""

    def took(self, variant_id: str, device: str, taken: int, *, worked: bool) -> None: ...

    def loaded(self, variant_id: str, seconds: float) -> None: ...

    def save(self) -> None: ...


class _Engine(Struct):
    """What is known of one engine: where it was put, its processes, and the bytes it was last seen to hold."""

    shares: tuple[DeviceShare, ...]
    pids: frozenset[int] = frozenset()
    host: int = 0
    cards: dict[str, int] = {}


class Machine:
    """One per runtime. Implements ``engine_tasks.Memory``. ``save`` of the learner runs in a thread."""

    def __init__(
        self,
        probe: Probe,
        learner: Learner | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._probe = probe
        self._readings = Readings(probe)
        self._learner = learner
        self._sleep = sleep
        self._engines: dict[str, _Engine] = {}
        self._inventory = Inventory(())

    def first_reading(self) -> Inventory:
        """Before anything runs; blocks for milliseconds."""
        self._inventory = self._probe.read(Ours()).inventory
        return self._inventory

    def own_bytes(self) -> int:
        """Resident bytes of all engines of ours, as last read."""
        return sum(engine.host for engine in self._engines.values())

    async def read(self, running: Mapping[str, Running], worked: Collection[str] = ()) -> Inventory | None:
        """A fresh inventory, or ``None`` when the probe raised or hangs. ``worked``: engines that have served."""
        for variant_id in self._engines.keys() - running.keys():
            del self._engines[variant_id]
        for variant_id, each in tuple(running.items()):
            engine = self._engines.setdefault(variant_id, _Engine(()))
            engine.host, engine.pids = await each.memory(), await asyncio.to_thread(each.pids)
        reading = await self._take()
        for variant_id in tuple(self._engines):
            self._learn(variant_id, worked=variant_id in worked)
        if self._learner is not None:
            await asyncio.to_thread(self._learner.save)
        return None if reading is None else reading.inventory

    async def _take(self) -> Reading | None:
        try:
            reading = await self._readings.take(self._ours(), _PROBE_TIMEOUT)
        except (TimeoutError, OSError, RuntimeError) as error:
            _log.warning("device probe failed: %s", type(error).__name__)
            return None
        self._inventory = reading.inventory
        for engine in self._engines.values():
            engine.cards = {}
            for use in reading.used:
                if use.pid in engine.pids:
                    engine.cards[use.device_id] = engine.cards.get(use.device_id, 0) + use.bytes
        return reading

    def _ours(self) -> Ours:
        held: dict[str, int] = {HOST: self.own_bytes()}
        for engine in self._engines.values():
            for share in engine.shares:
                if share.device_id != HOST:
                    held[share.device_id] = held.get(share.device_id, 0) + share.bytes
        return Ours(pids=frozenset(pid for e in self._engines.values() for pid in e.pids), bytes=held)

    async def measured(self, target: Target, placement: Placement, running: Running) -> tuple[DeviceShare, ...]:
        """What it took, where that is more than was reserved (memory that grows lazily still looks small now)."""
        engine = self._engines[target.variant_id] = _Engine(placement.shares)
        engine.host, engine.pids = await running.memory(), await asyncio.to_thread(running.pids)
        if self._cards(placement.shares):
            await self._take()
        self._learn(target.variant_id, worked=False)
        return self.beyond(target.variant_id, placement.shares)

    def beyond(self, variant_id: str, shares: tuple[DeviceShare, ...]) -> tuple[DeviceShare, ...]:
        """What it held at the last reading, where that is more than ``shares`` on any device; else nothing."""
        engine = self._engines.get(variant_id)
        if engine is None:
            return ()
        # Beside a card, the host's figure has pages in it that only passed through on their way to the card.
        alone = not self._cards(shares)
        seen = engine.cards | ({HOST: engine.host} if alone else {})
        held = tuple(DeviceShare(s.device_id, max(s.bytes, seen.get(s.device_id, 0))) for s in shares)
        return held if held != shares else ()

    def loaded(self, target: Target, seconds: float) -> None:
        """How long a load took."""
        if self._learner is not None:
            self._learner.loaded(target.variant_id, seconds)

    async def returned(self, variant_id: str, running: Running) -> None:
        """Host RAM is back when its process is gone; what it held on cards may take some seconds more."""
        engine = self._engines.pop(variant_id, None)
        if engine is None or not engine.cards:
            return
        free = {device.id: _free(device.total_bytes, device.foreign_bytes) for device in self._inventory.gpus}
        # What it held counted as ours, so that it looked free of others all the time: seen as foreign, it is not.
        before = {device_id: free.get(device_id, 0) - held for device_id, held in engine.cards.items()}
        came, waited = await returned(self._free_now, before, engine.cards, self._sleep)
        if not came:
            _log.warning("memory of %s has not come back after %.1f s", variant_id, waited)

    async def _free_now(self) -> Mapping[str, int] | None:
        reading = await self._take()
        if reading is None:
            return None
        return {device.id: _free(device.total_bytes, device.foreign_bytes) for device in reading.inventory.gpus}

    def _learn(self, variant_id: str, *, worked: bool) -> None:
        engine = self._engines[variant_id]
        if self._learner is None or not engine.shares:
            return
        cards = self._cards(engine.shares)
        if not cards:
            self._learner.took(variant_id, HOST, engine.host, worked=worked)
        elif engine.cards:
            device = self._inventory.get(cards[0])
            kind = cards[0] if device is None else device.name
            self._learner.took(variant_id, kind, sum(engine.cards.values()), worked=worked)

    @staticmethod
    def _cards(shares: tuple[DeviceShare, ...]) -> list[str]:
        return [share.device_id for share in shares if share.device_id != HOST]


def _free(total: int, foreign: int) -> int:
    return total - foreign
