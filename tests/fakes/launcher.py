"""Engines without processes: loads that end on command, exits, stops that take their time. For the runtime's tests."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from backends.contract import Backend, Call, Health, Reply
from backends.errors import BackendError, Cause
from gateway.catalog.profile import ModelProfile, Variant
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import Device, Inventory
from gateway.scheduling.launcher import Running
from gateway.scheduling.probe import Ours, ProcessUse, Reading
from gateway.scheduling.target import Depth, Target


class FakeBackend:
    """Answers nothing but its health, and calls where ``replies`` does."""

    name = "fake"

    def __init__(self) -> None:
        self.healthy = True
        self.asked = 0
        self.replies: Callable[[Call], Awaitable[Reply]] | None = None

    async def open(self, call: Call) -> Reply:
        if self.replies is None:
            raise BackendError(Cause.UPSTREAM_CONNECT, "nobody is here")
        return await self.replies(call)

    async def health(self) -> Health:
        self.asked += 1
        return Health(ready=self.healthy)

    async def aclose(self) -> None:
        """Nothing is held."""


class FakeRunning:
    """``gone`` is what its ``stop`` waits for; set from the beginning."""

    def __init__(self, variant_id: str, *, pid: int | None = 7, memory: int = 0) -> None:
        self.variant_id = variant_id
        self.fake = FakeBackend()
        self.exited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.pid = pid
        self.bytes = memory
        self.gone = asyncio.Event()
        self.gone.set()
        self.stops = 0
        self.kills = 0
        self.stop_error: BackendError | None = None
        self.sleep_error: BackendError | None = None
        self.wake_error: BackendError | None = None
        self.asleep = False
        self.depths: list[Depth] = []

    @property
    def backend(self) -> Backend:
        return self.fake

    def pids(self) -> frozenset[int]:
        return frozenset() if self.pid is None else frozenset((self.pid,))

    async def memory(self) -> int:
        return self.bytes

    def log_tail(self) -> str:
        return f"last words of {self.variant_id}"

    async def stop(self) -> None:
        self.stops += 1
        await self.gone.wait()
        if self.stop_error is not None:
            raise self.stop_error

    async def sleep(self, depth: Depth) -> None:
        if self.sleep_error is not None:
            raise self.sleep_error
        self.asleep = True
        self.depths.append(depth)

    async def wake(self) -> None:
        if self.wake_error is not None:
            raise self.wake_error
        self.asleep = False

    def kill(self) -> None:
        self.kills += 1
        self.gone.set()


class FakeLauncher:
    """Implements ``Launcher``. A load waits for ``finish`` or ``fail`` unless ``at_once``."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.at_once = at_once
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.engines: defaultdict[str, list[FakeRunning]] = defaultdict(list)
        self.memory: dict[str, int] = {}
        self._loads: dict[str, asyncio.Future[None]] = {}

    def missing(self, profile: ModelProfile, variant: Variant) -> BackendError | None:
        return None

    async def launch(self, target: Target, placement: Placement) -> Running:
        name = target.variant_id
        self.begun.append(name)
        if not self.at_once:
            self._loads[name] = asyncio.get_running_loop().create_future()
            try:
                await self._loads[name]
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise
        running = FakeRunning(name, pid=100 + len(self.begun), memory=self.memory.get(name, 0))
        self.engines[name].append(running)
        return running

    def is_loading(self, name: str) -> bool:
        return name in self._loads

    def finish(self, name: str) -> None:
        self._loads.pop(name).set_result(None)

    def fail(self, name: str, error: Exception) -> None:
        self._loads.pop(name).set_exception(error)


class FakeProbe:
    """Implements ``Probe``: says ``inventory`` and ``used``, or raises ``error``."""

    def __init__(self, total_bytes: int) -> None:
        self.inventory = Inventory((Device(id="cpu", name="cpu", total_bytes=total_bytes),))
        self.used: tuple[ProcessUse, ...] = ()
        self.error: Exception | None = None
        self.ours: list[Ours] = []

    def read(self, ours: Ours) -> Reading:
        self.ours.append(ours)
        if self.error is not None:
            raise self.error
        return Reading(self.inventory, self.used)
