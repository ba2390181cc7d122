"""Asks engines that are awake for their load, every second or so, each at its own pace. Tells what they say; decides
nothing, and holds nobody up: an engine that does not answer is asked again, and one that never does, seldom.
"""

import asyncio
from collections.abc import Callable, Mapping

from msgspec import Struct

from backends.contract import Pressure
from backends.http.signals import read_pressure
from backends.registry import tells_pressure
from gateway.scheduling.launcher import Running

EVERY = 1.0
SELDOM = 60.0
_FORGOTTEN_AFTER = 5
"""Times without an answer after which what it said last counts no more."""


class _Asked(Struct):
    running: Running
    due: float
    told: bool = False
    silent: int = 0
    asking: asyncio.Task[None] | None = None


class Signals:
    """``tell`` gets what an engine says, or ``None`` when it says nothing any more. Times in seconds."""

    def __init__(self, tell: Callable[[str, Pressure | None], None]) -> None:
        self._tell = tell
        self._asked: dict[str, _Asked] = {}

    def look(self, engines: Mapping[str, Running], now: float) -> None:
        """Asks those of ``engines`` whose time has come; all of them have to be awake. Returns at once."""
        for variant_id, asked in tuple(self._asked.items()):
            if engines.get(variant_id) is not asked.running:
                self._forget(variant_id)
        for variant_id, running in engines.items():
            if not tells_pressure(running.backend.name):
                continue
            asked = self._asked.get(variant_id)
            if asked is None:
                asked = self._asked[variant_id] = _Asked(running, now)
            if asked.asking is None and now >= asked.due:
                asked.asking = asyncio.get_running_loop().create_task(self._ask(variant_id, asked, now))

    def close(self) -> None:
        """Asks nobody any more."""
        for variant_id in tuple(self._asked):
            self._forget(variant_id)

    async def _ask(self, variant_id: str, asked: _Asked, now: float) -> None:
        said = await read_pressure(asked.running.backend.open)
        asked.asking = None
        asked.silent = 0 if said is not None else asked.silent + 1
        asked.told = (asked.told or said is not None) and asked.silent < _FORGOTTEN_AFTER
        asked.due = now + (EVERY if asked.told else SELDOM)
        if said is not None or asked.silent == _FORGOTTEN_AFTER:
            self._tell(variant_id, said)

    def _forget(self, variant_id: str) -> None:
        asking = self._asked.pop(variant_id).asking
        if asking is not None:
            asking.cancel()
