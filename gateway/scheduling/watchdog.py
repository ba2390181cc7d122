"""Finds engines that hang: alive, connected, and silent. Asks each now and then; ends nobody, the runtime does.

Their exit tells of dead ones; a stopped or deadlocked one never exits, and keeps its connections open.
"""

import asyncio
from collections.abc import Mapping
from typing import Self

from msgspec import Struct

from backends.process.liveness import Liveness, Verdict
from gateway.scheduling.launcher import Running

ASK_EVERY = 10.0
PATIENCE = 60.0
GRACE = 2.0
"""Seconds after the longest silence of a stream by which a hang is found."""
_LEAST_PATIENCE = 6.0
"""A vLLM that is busy answers once its canary's own deadline of five seconds is over."""
_LATE = 8.0
"""Seconds by which a hang may be found later: a canary that saw one more step counts as an answer at its deadline, and
somebody looks once a second only, at the answer, to ask, and to judge."""
_PAUSE = 0.5


class _Watch(Struct):
    running: Running
    liveness: Liveness
    asking: asyncio.Task[None] | None = None


class Watchdog:
    """``ask_every`` seconds after its last answer an engine is asked again; ``patience`` more in silence, and it hangs.

    Both in seconds. Patience is long by default: an external engine may hold its event loop for a whole prompt.
    """

    @classmethod
    def within(cls, silence: float) -> Self:
        """Finds who hangs within ``silence`` seconds and ``GRACE`` when it looks every second; where ``silence`` is
        under a quarter of a minute, some seconds later, or who is only busy would be killed.
        """
        ask_every = min(ASK_EVERY, silence / 6.0)
        return cls(ask_every, max(_LEAST_PATIENCE, silence + GRACE - _LATE - ask_every))

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

    def leave(self, variant_id: str) -> None:
        """Asks this one nothing more, until it is among the engines again: who falls asleep answers no canary."""
        if variant_id in self._watched:
            self._forget(variant_id)

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
