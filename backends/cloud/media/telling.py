"""The events of a job that is made in here, told as a backend does: up to the commit point, then as a reply."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.wire.media_job import CONTENT, CONTENT_TYPE, LAST, Alive, Event, line

Work = Callable[[Callable[[Event], None]], Awaitable[None]]
"""Tells events, the last of them ``Done``; raises ``BackendError``."""


class Telling:
    """One job. Implements ``Reply`` once ``opened`` has returned. Closing it ends the work. ``usage_tail`` is the last
    event: what it cost is told there.
    """

    status = 200
    content_type = CONTENT_TYPE
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self, work: Work, call: Call, *, alive: float) -> None:
        """``alive``: seconds without news after which a sign of life is given."""
        self.first = b""
        self.complete = False
        self.usage_tail = b""
        self._call = call
        self._alive = alive
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._task = asyncio.ensure_future(work(self._events.put_nowait))

    async def opened(self) -> Self:
        """At the commit point: the first content of a stream, else the last event. Raises ``BackendError``."""
        kept: list[bytes] = []
        try:
            while True:
                event = await self._next()
                said = line(event)
                if isinstance(event, CONTENT):
                    kept.append(said)
                    self._ends(event, said)
                    if self._call.stream or self.complete:
                        self.first = b"".join(kept)
                        return self
                elif self._call.heard is not None:
                    self._call.heard(said.rstrip(b"\n"))
        except BaseException:
            self._task.cancel()
            raise

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self.complete:
            raise StopAsyncIteration
        event = await self._next()
        said = line(event)
        self._ends(event, said)
        return said

    def aclose(self) -> None:
        self._task.cancel()

    def _ends(self, event: Event, said: bytes) -> None:
        if isinstance(event, LAST):
            self.complete, self.usage_tail = True, said

    async def _next(self) -> Event:
        """The next event; a sign of life when there is none for a while. Raises what the work raised."""
        waiting = asyncio.ensure_future(self._events.get())
        try:
            await asyncio.wait((waiting, self._task), timeout=self._alive, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
        finally:
            waiting.cancel()
        if not self._events.empty():
            return self._events.get_nowait()
        if not self._task.done():
            return Alive()
        if self._task.cancelled():
            raise BackendError(Cause.CLIENT_GONE, "nobody waits for this any more")
        self._task.result()
        raise BackendError(Cause.STREAM_BROKEN, "the work ended without a last word")
