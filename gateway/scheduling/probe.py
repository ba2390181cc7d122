"""The port to readings of this machine's memory, and how they are taken without ever holding anybody up."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from msgspec import Struct, field

from gateway.scheduling.device import Inventory


class Ours(Struct, frozen=True, kw_only=True):
    """What our engines hold, so that the rest counts as foreign.

    ``pids`` are all processes of them. ``bytes`` by device is what they were measured or planned to hold: it is used
    where processes cannot be told apart, as for host RAM, or for cards seen from inside a container.
    """

    pids: frozenset[int] = frozenset()
    bytes: dict[str, int] = field(default_factory=dict[str, int])


class ProcessUse(Struct, frozen=True):
    """``bytes`` that one process of ours holds on one card."""

    pid: int
    device_id: str
    bytes: int


class Reading(Struct, frozen=True):
    """The devices at one moment, and what ours hold on cards, process by process."""

    inventory: Inventory
    used: tuple[ProcessUse, ...] = ()


class Probe(Protocol):
    """Reads the machine, or one kind of device; may block for milliseconds, so it is called in a thread.

    Raises ``OSError`` or ``RuntimeError``.
    """

    def read(self, ours: Ours) -> Reading: ...


class Readings:
    """Takes readings in threads of its own, one at a time: a driver that hangs costs one thread, and keeps neither the
    loop's executor busy nor the process from ending.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._busy = False

    async def take(self, ours: Ours, timeout: float) -> Reading:
        """Raises ``TimeoutError`` after ``timeout`` seconds, or at once while an earlier reading hangs."""
        if self._busy:
            raise TimeoutError
        self._busy = True
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Reading] = loop.create_future()

        def deliver(how: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if found.done() else how())

        def work() -> None:
            try:
                reading = self._probe.read(ours)
            except (OSError, RuntimeError) as error:
                failure = error
                self._busy = False
                deliver(lambda: found.set_exception(failure))
            else:
                self._busy = False
                deliver(lambda: found.set_result(reading))
            finally:
                self._busy = False

        threading.Thread(target=work, name="device-probe", daemon=True).start()
        # Not asyncio.wait_for: until Python 3.12 it loses a cancellation that meets a result.
        async with asyncio.timeout(timeout):
            return await found
