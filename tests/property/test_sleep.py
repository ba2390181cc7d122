"""Whatever is asked when: nothing reaches an engine that sleeps, and none falls asleep under a request or a question.

The runtime with its tasks on engines without processes; every step of a task is one turn of the loop.
"""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.contract import BackendState, Call, DeviceShare, Reply
from backends.errors import BackendError, Cause
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.launcher import Running
from gateway.scheduling.lease import Lease
from gateway.scheduling.limits import Limits
from gateway.scheduling.machine import Machine
from gateway.scheduling.policy import GIB
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.target import Depth, Target
from gateway.scheduling.wanted import Wanted
from gateway.telemetry.metrics import Metrics
from tests.fakes.effects import NO_HEADROOM, bed, deep_bed, model
from tests.fakes.launcher import FakeLauncher, FakeProbe, FakeRunning
from tests.fakes.runtime_stage import Clock, turns

MODELS = [model(name, 10, slots=2, sleep=bed(10, deep=deep_bed(1))) for name in "abc"]
RAM = (2.0, 11.0, 64.0)
CALL = Call(path="/v1/messages/count_tokens", body=b"{}")


class Sleeper(FakeRunning):
    """An engine that knows what is under way on it."""

    def __init__(self, name: str, pid: int) -> None:
        super().__init__(name, pid=pid)
        self.fake.replies = self._reply
        self.leases = 0
        self.questions = 0
        self.let_go = asyncio.Event()

    async def _reply(self, call: Call) -> Reply:
        assert not self.asleep, "it would hang for ever"
        self.questions += 1
        try:
            await self.let_go.wait()
            assert not self.asleep, "it fell asleep under a question"
        finally:
            self.questions -= 1
        raise BackendError(Cause.INVALID_REQUEST, "an answer")

    async def sleep(self, depth: Depth) -> None:
        assert not self.leases, "it has work"
        assert not self.questions, "it is being asked"
        assert not self.asleep
        self.asleep = True  # from its first byte on it answers nothing
        await turns(3)
        self.depths.append(depth)

    async def wake(self) -> None:
        assert self.asleep
        await turns(3)
        self.asleep = False


class Launcher(FakeLauncher):
    async def launch(self, target: Target, placement: Placement) -> Running:
        self.begun.append(target.variant_id)
        engine = Sleeper(target.variant_id, 100 + len(self.begun))
        self.engines[target.variant_id].append(engine)
        return engine


class Still(Machine):
    """Measures nothing, so that no thread makes one run differ from the next."""

    async def measured(self, target: Target, placement: Placement, running: Running) -> tuple[DeviceShare, ...]:
        return ()

    async def returned(self, variant_id: str, running: Running) -> None:
        await asyncio.sleep(0)


def is_ready(runtime: Runtime, variant_id: str) -> bool:
    occupant = runtime.scheduler.occupants.get(variant_id)
    return occupant is not None and occupant.state is BackendState.READY


class Play:
    """The moves of one example."""

    def __init__(self, ram: float) -> None:
        self.clock, self.launcher = Clock(), Launcher()
        limits = Limits(idle_unload=60, asleep_unload=300)
        self.runtime = Runtime(
            self.launcher, Still(FakeProbe(GIB)), Metrics("test"), limits, NO_HEADROOM, clock=self.clock
        )
        devices = (
            Device(id="gpu0", name="card", total_bytes=21 * GIB),
            Device(id=HOST, name="host", total_bytes=int(ram * GIB)),
        )
        self.runtime.scheduler.on_inventory(Inventory(devices))
        self.waiting: list[asyncio.Task[Lease]] = []
        self.leases: list[tuple[Sleeper, Lease]] = []
        self.questions: list[asyncio.Task[Reply]] = []

    @property
    def engines(self) -> list[Sleeper]:
        return [each for all_of in self.launcher.engines.values() for each in all_of if isinstance(each, Sleeper)]

    async def move(self, kind: str, number: int) -> None:
        target, runtime = MODELS[number % 3], self.runtime
        match kind:
            case "ask":
                self.waiting.append(asyncio.create_task(runtime.acquire(Wanted(target=target), "k", 1e6)))
            case "grant":
                self.hold(runtime.acquire_now(target))
            case "release" if self.leases:
                engine, lease = self.leases.pop(number % len(self.leases))
                engine.leases -= 1
                lease.release()
            case "question":
                backend = runtime.ready(target.variant_id)
                if backend is not None:
                    assert is_ready(runtime, target.variant_id)
                    self.questions.append(asyncio.create_task(backend.open(CALL)))
            case "answer" if self.engines:
                engine = self.engines[number % len(self.engines)]
                engine.let_go.set()
                await turns(2)
                engine.let_go.clear()
            case "idle":
                self.clock.now += 61.0
                runtime.scheduler.on_tick()
            case "cancel" if self.questions:
                self.questions[number % len(self.questions)].cancel()
            case _:
                pass
        await turns(number % 4)
        self.check()

    def hold(self, lease: Lease | None) -> None:
        if lease is None:
            return
        engine = self.runtime.running[lease.variant_id]
        assert isinstance(engine, Sleeper)
        assert not engine.asleep, "a lease of who sleeps"
        assert is_ready(self.runtime, lease.variant_id)
        engine.leases += 1
        self.leases.append((engine, lease))

    def check(self) -> None:
        """Leases that have come are held; what a task found wrong is raised here."""
        for task in [each for each in self.waiting if each.done()]:
            self.waiting.remove(task)
            self.hold(task.result())
        for task in [each for each in self.questions if each.done()]:
            self.questions.remove(task)
            if not task.cancelled():
                assert isinstance(task.exception(), BackendError), task.exception()
        for engine in self.engines:
            assert not (engine.asleep and (engine.leases or engine.questions))

    async def end(self) -> None:
        for _ in range(400):
            for engine in self.engines:
                engine.let_go.set()
            while self.leases:
                await self.move("release", 0)
            self.clock.now += 5.0
            self.runtime.scheduler.on_tick()
            await turns(4)
            self.check()
            if not (self.waiting or self.leases or self.questions):
                break
        assert not self.waiting, "somebody waits for ever"
        await self.runtime.aclose()


KINDS = (
    "ask",
    "ask",
    "grant",
    "release",
    "release",
    "question",
    "question",
    "answer",
    "move",
    "move",
    "idle",
    "cancel",
)


@given(
    ram=st.sampled_from(RAM),
    moves=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 11)), min_size=10, max_size=80),
)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_nothing_reaches_who_sleeps_and_nobody_sleeps_under_work(ram: float, moves: list[tuple[str, int]]) -> None:
    async def play() -> None:
        failed: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(str(context)))
        game = Play(ram)
        for kind, number in moves:
            await game.move(kind, number)
        await game.end()
        assert not failed, failed

    asyncio.run(play())
