"""A stream of our own events that may begin before its answer does: jobs have something to say on their way.

Events go out in order, from one task; ``tell`` never waits. Nothing is sent before the first event or the first life
sign that is due, so that a failure before that still has a proper status.
"""

import asyncio
from collections.abc import Callable

from litestar.types import Send

from backends.wire import sse
from gateway.http.keepalive import HEAD


class EventStream:
    """Armed at once. ``life_sign`` gives the event that is sent when there has been nothing to say for a while."""

    def __init__(self, send: Send, life_sign: Callable[[], bytes], after: float, every: float) -> None:
        self._send = send
        self._life_sign = life_sign
        self._every = every
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(after, self._begin)
        self.sent = 0

    @property
    def begun(self) -> bool:
        """The head is out, or about to be: what fails from here on is an event."""
        return self._task is not None

    def tell(self, event: bytes) -> None:
        """One event of JSON; begins the stream."""
        self._events.put_nowait(sse.event(event))
        self._begin()

    async def finish(self, last: bytes = b"") -> None:
        """Sends what is left, then ``last`` as it is, and ends the answer."""
        if last:
            self._events.put_nowait(last)
        self._events.put_nowait(None)
        self._begin()
        assert self._task is not None
        await self._task

    def cancel(self) -> None:
        """Nothing more is sent: the client is gone, or the failure has a status of its own."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._timer.cancel()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": list(HEAD)})
        while True:
            try:
                event = await asyncio.wait_for(self._events.get(), self._every if self.sent else 0.0)
            except TimeoutError:
                event = sse.event(self._life_sign())
            if event is None:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            self.sent += 1
            await self._send({"type": "http.response.body", "body": event, "more_body": True})
