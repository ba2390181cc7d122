"""Readings of this machine's memory. The only file of the package that asks the operating system.

One device today: host RAM, as psutil reports it. A GPU prober joins here behind the same ``Probe`` protocol.
"""

import asyncio
import platform
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import psutil

from gateway.scheduling.device import HOST, Device, Inventory


class Probe(Protocol):
    """Reads the inventory; may block for milliseconds, so it is called in a thread. Raises ``OSError`` or
    ``RuntimeError``.

    ``own_bytes`` is what our engines hold, so that the rest counts as foreign.
    """

    def read(self, own_bytes: int) -> Inventory: ...


class HostProbe:
    """Host RAM. ``limit`` bounds what engines may take of it, in bytes."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._name = platform.processor() or platform.machine() or "host"

    def read(self, own_bytes: int) -> Inventory:
        memory = psutil.virtual_memory()
        foreign = max(0, memory.total - memory.available - own_bytes)
        total = memory.total
        if self._limit is not None:
            # A limit bounds our engines, whatever others use: it is met by what is left of the machine, if less.
            total = min(total, self._limit + foreign)
        return Inventory((Device(id=HOST, name=self._name, total_bytes=total, foreign_bytes=foreign),))


class Readings:
    """Takes readings in threads of its own, one at a time: a driver that hangs costs one thread, and keeps neither the
    loop's executor busy nor the process from ending.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._thread: threading.Thread | None = None

    async def take(self, own_bytes: int, timeout: float) -> Inventory:
        """Raises ``TimeoutError`` after ``timeout`` seconds, or at once while an earlier reading hangs."""
        if self._thread is not None and self._thread.is_alive():
            raise TimeoutError
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Inventory] = loop.create_future()

        def deliver(how: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if found.done() else how())

        def work() -> None:
            try:
                inventory = self._probe.read(own_bytes)
            except (OSError, RuntimeError) as error:
                failure = error
                deliver(lambda: found.set_exception(failure))
            else:
                deliver(lambda: found.set_result(inventory))

        self._thread = threading.Thread(target=work, name="device-probe", daemon=True)
        self._thread.start()
        # Not asyncio.wait_for: until Python 3.12 it loses a cancellation that meets a result.
        async with asyncio.timeout(timeout):
            return await found
