"""A worker's end: told by a signal, also while it still loads."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def stop_signal() -> "asyncio.Future[None]":
    """Done once SIGTERM or SIGINT has come."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def request_stop() -> None:
        if not stop.done():
            stop.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, request_stop)
    return stop


async def until(stop: "asyncio.Future[None]", work: Coroutine[None, None, T]) -> T | None:
    """What ``work`` gives, or None when the stop came first; ``work`` is cancelled then."""
    task = asyncio.ensure_future(work)
    await asyncio.wait((stop, task), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait((task,))
    return None
