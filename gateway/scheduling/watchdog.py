"""Finds engines that hang: alive, connected, and silent. Asks each now and then; ends nobody, the runtime does.

Their exit tells of dead ones; a stopped or deadlocked one never exits, and keeps its connections open.
"""

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from backends.process.liveness import Liveness, Verdict
from gateway.scheduling.launcher import Running

ASK_EVERY = 10.0
PATIENCE = 60.0
_PAUSE = 0.5


class _Watch(Struct):
    running: Running
    liveness: Liveness
    asking: asyncio.Task[None] | None = None


class Watchdog:
    """``ask_every`` seconds after its last answer an engine is asked again; ``patience`` more in silence, and it hangs.

    Both in seconds. Patience is long on purpose: an external engine may hold its event loop for a whole prompt.
    """

    def __init__(self, ask_every: float = ASK_EVERY, patience: float = PATIENCE) -> None:
        self._ask_every = ask_every
        self._patience = patience
        self._watched: dict[str, _Watch] = {}

    def look(self, engines: Mapping[str, Running], now: float) -> list[str]:
        """The ids among ``engines`` that hang; each is told once. ``now`` is in monotonic seconds."""
        for variant_id, watch in tuple(self._watched.items()):
            if engines.get(variant_id) is not watch.running:
                self._forget(variant_id)
        hung: list[str] = []
        for variant_id, running in engines.items():
            watch = self._watched.get(variant_id)
            if watch is None:
                watch = self._watched[variant_id] = _Watch(running, Liveness(self._ask_every, self._patience))
                watch.liveness.began(now)
            verdict = watch.liveness.verdict(now)
            if verdict is Verdict.PROBE:
                watch.asking = asyncio.get_running_loop().create_task(_ask(running))
            elif watch.asking is not None and watch.asking.done():
                watch.asking = None
                watch.liveness.progressed(now)
            elif verdict is Verdict.DEAD:
                hung.append(variant_id)
                self._forget(variant_id)
        return hung

    def close(self) -> None:
        """Asks nobody any more."""
        for variant_id in tuple(self._watched):
            self._forget(variant_id)

    def _forget(self, variant_id: str) -> None:
        asking = self._watched.pop(variant_id).asking
        if asking is not None:
            asking.cancel()


async def _ask(running: Running) -> None:
    """Returns once it answers. Each question has a deadline of its own."""
    while True:
        if (await running.backend.health()).ready:
            return
        await asyncio.sleep(_PAUSE)
