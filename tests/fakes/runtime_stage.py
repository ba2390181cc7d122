"""The runtime on a fake launcher, a fake probe and a clock that stands still; and waiting by turns of the loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from backends.contract import BackendState
from gateway.scheduling.limits import Limits
from gateway.scheduling.machine import Machine
from gateway.scheduling.policy import GIB
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.target import Target
from gateway.scheduling.wanted import Wanted
from gateway.telemetry.metrics import Metrics
from tests.fakes.effects import NO_HEADROOM
from tests.fakes.launcher import FakeLauncher, FakeProbe, FakeRunning


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class RuntimeStage:
    """A runtime on a machine of so many GiB, and what it stands on."""

    def __init__(
        self,
        gib: int = 10,
        *,
        at_once: bool = False,
        limits: Limits | None = None,
        nap: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.launcher = FakeLauncher(at_once=at_once)
        self.probe = FakeProbe(gib * GIB)
        self.metrics = Metrics("test")
        self.clock = Clock()
        self.machine = Machine(self.probe, sleep=nap)
        self.runtime = Runtime(
            self.launcher, self.machine, self.metrics, limits or Limits(), NO_HEADROOM, clock=self.clock
        )

    def state(self, target: Target) -> BackendState | None:
        occupant = self.runtime.scheduler.occupants.get(target.variant_id)
        return None if occupant is None else occupant.state

    def engine(self, target: Target) -> FakeRunning:
        return self.launcher.engines[target.variant_id][-1]

    def metric(self, start: str) -> float:
        lines = self.metrics.expose().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))

    async def resident(self, target: Target) -> FakeRunning:
        """Brings it in, idle."""
        task = asyncio.create_task(self.runtime.acquire(Wanted(target=target), "k", 60))
        await until(lambda: task.done() or self.launcher.is_loading(target.variant_id))
        if not self.launcher.at_once:
            self.launcher.finish(target.variant_id)
        (await task).release()
        return self.engine(target)

    @asynccontextmanager
    async def ticking(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.runtime.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
