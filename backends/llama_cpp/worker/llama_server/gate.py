"""Lets as many generations into llama.cpp's server as it has slots; the others wait here, in order.

The server cannot forget a request that waits in its own queue (observed: it stays there until a slot is free), so none
ever waits there: a client that leaves the queue is gone at once.
"""

import asyncio
from collections import deque

from backends.errors import BackendError, Cause


class Place:
    """The right to use a slot, or a place in the line for it. ``leave`` is idempotent."""

    def __init__(self, gate: "Gate") -> None:
        self._gate = gate
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        """Return when the slot is ours."""
        await self.granted

    def leave(self) -> None:
        """Give the slot or the place in the line back."""
        self._gate.leave(self)


class Gate:
    """``waiting`` is the length of the line, which is bounded by ``queue``."""

    def __init__(self, slots: int, queue: int) -> None:
        self._slots, self._queue = slots, queue
        self._inside: set[Place] = set()
        self._line: deque[Place] = deque()

    @property
    def waiting(self) -> int:
        return len(self._line)

    def enter(self) -> Place:
        """A slot at once, or the last place in the line. Raises ``BackendError(QUEUE_FULL)``."""
        if len(self._inside) + len(self._line) >= self._slots + self._queue:
            raise BackendError(Cause.QUEUE_FULL, "Too many requests wait for this model.", retry_after=2.0)
        place = Place(self)
        self._line.append(place)
        self._admit()
        return place

    def leave(self, place: Place) -> None:
        """Whoever waited longest comes in for ``place``."""
        if place in self._inside:
            self._inside.discard(place)
        elif place in self._line:
            self._line.remove(place)
            place.granted.cancel()
        self._admit()

    def _admit(self) -> None:
        while self._line and len(self._inside) < self._slots:
            place = self._line.popleft()
            if place.granted.cancelled():  # its task was cancelled and has not come to ``leave`` yet
                continue
            self._inside.add(place)
            place.granted.set_result(None)
