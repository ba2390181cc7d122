"""Who is asked for its load and when, and what follows for those who wait for it."""

import asyncio

from backends.contract import Call, Pressure
from backends.errors import BackendError, Cause
from backends.http.reply import WholeReply
from gateway.scheduling.gauges import scheduling_gauges
from gateway.scheduling.signals import EVERY, SELDOM, Signals
from gateway.scheduling.views import residents
from gateway.scheduling.wanted import Wanted
from tests.fakes.effects import model
from tests.fakes.engine_metrics import vllm_metrics
from tests.fakes.launcher import FakeBackend, FakeRunning
from tests.fakes.runtime_stage import RuntimeStage, turns, until


class Telling(FakeBackend):
    """Answers with ``text``; with an error when there is none, and never while ``hangs``."""

    def __init__(self, name: str = "vllm") -> None:
        super().__init__()
        self.name = name
        self.text: bytes | None = vllm_metrics()
        self.reads = 0
        self.hangs = False

    async def open(self, call: Call) -> WholeReply:
        assert call.path == "/metrics"
        self.reads += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.text is None:
            raise BackendError(Cause.NOT_FOUND, "no such path")
        return WholeReply(200, "text/plain", (), self.text)


def engine(backend: FakeBackend) -> FakeRunning:
    running = FakeRunning("m")
    running.fake = backend
    return running


class Heard:
    """``Signals`` with a clock, and what they told."""

    def __init__(self, **engines: FakeRunning) -> None:
        self.told: list[tuple[str, int | None]] = []
        self.engines = dict(engines)
        self.now = 0.0
        self.signals = Signals(lambda name, said: self.told.append((name, None if said is None else said.running)))

    async def look(self, seconds: float) -> None:
        self.now += seconds
        self.signals.look(self.engines, self.now)
        await turns()


async def test_an_engine_is_read_once_in_its_time():
    backend = Telling()
    heard = Heard(a=engine(backend))
    for running in (1, 2, 3):
        backend.text = vllm_metrics(running=running)
        await heard.look(EVERY)
        await heard.look(0.1)
    assert heard.told == [("a", 1), ("a", 2), ("a", 3)]
    assert backend.reads == 3


async def test_one_that_hangs_holds_up_nobody_and_is_not_asked_twice():
    slow, quick = Telling(), Telling()
    slow.hangs = True
    heard = Heard(slow=engine(slow), quick=engine(quick))
    for _ in range(4):
        await heard.look(EVERY)
    assert (slow.reads, quick.reads) == (1, 4)
    assert {name for name, _ in heard.told} == {"quick"}
    heard.signals.close()


async def test_who_says_nothing_is_asked_seldom_and_never_told_of():
    backend = Telling("external")
    backend.text = None
    heard = Heard(far=engine(backend))
    for _ in range(int(SELDOM)):
        await heard.look(1.0)
    assert backend.reads == 1
    await heard.look(1.0)
    assert (backend.reads, heard.told) == (2, [])


async def test_one_that_falls_silent_counts_no_more_and_one_that_speaks_again_does():
    backend = Telling()
    heard = Heard(a=engine(backend))
    await heard.look(EVERY)
    backend.text = None
    for _ in range(10):
        await heard.look(EVERY)
    assert heard.told == [("a", 0), ("a", None)]
    backend.text = vllm_metrics(running=7)
    await heard.look(SELDOM)
    assert heard.told[-1] == ("a", 7)


async def test_only_kinds_that_may_say_something_and_only_while_they_are_there():
    other, backend = Telling("llama_cpp"), Telling()
    heard = Heard(other=engine(other), a=engine(backend))
    await heard.look(EVERY)
    backend.hangs = True
    await heard.look(EVERY)
    heard.engines = {}
    await heard.look(EVERY)
    assert (other.reads, backend.reads) == (0, 2)
    assert heard.told == [("a", 0)]


A = model("a:v", 1, slots=4)


async def told(stage: RuntimeStage, **said: float) -> None:
    occupant = stage.runtime.scheduler.occupants.get("a:v")
    assert occupant is not None
    stage.runtime.scheduler.on_pressure("a:v", Pressure(**{"running": 0, "waiting": 0, **said}))


async def test_who_would_wait_in_the_engine_waits_with_us():
    stage = RuntimeStage()
    await stage.resident(A)
    leases = [stage.runtime.acquire_now(A) for _ in range(2)]
    for _ in range(4):
        await told(stage, running=2, waiting=3)
    assert stage.runtime.acquire_now(A) is None, "two of four slots are free, and it would only queue there"
    waiting = asyncio.create_task(stage.runtime.acquire(Wanted(target=A), "k", 60))
    await until(lambda: len(stage.runtime.scheduler.queue) == 1)
    wait = stage.runtime.scheduler.forecast.wait(A)
    await told(stage, running=2, waiting=0, cache_usage=0.5)
    assert waiting.done() or not stage.runtime.scheduler.queue.count("a:v"), "it has room again"
    await turns()
    assert stage.runtime.scheduler.forecast.wait(A) < wait
    (await waiting).release()
    for lease in leases:
        assert lease is not None
        lease.release()


async def test_one_slot_is_left_whatever_it_says():
    stage = RuntimeStage()
    await stage.resident(A)
    for _ in range(3):
        await told(stage, running=0, waiting=9, cache_usage=1.0)
    lease = stage.runtime.acquire_now(A)
    assert lease is not None
    assert stage.runtime.acquire_now(A) is None
    lease.release()


async def test_what_it_says_is_shown_and_forgotten():
    stage = RuntimeStage()
    await stage.resident(A)
    await told(stage, running=2, waiting=1, cache_usage=0.95)
    (shown,) = residents(stage.runtime, stage.clock.now)
    assert shown.engine == Pressure(running=2, waiting=1, cache_usage=0.95)
    assert (shown.takes, shown.slots, shown.replica) == (1, 4, 1)
    gauges = {name: value for name, labels, value in scheduling_gauges(stage.runtime) if labels == ("a:v", "v")}
    assert gauges == {
        "gateway_engine_running_requests": 2,
        "gateway_engine_waiting_requests": 1,
        "gateway_engine_cache_usage_ratio": 0.95,
        "gateway_engine_slots": 1,
    }
    stage.runtime.scheduler.on_pressure("a:v", None)
    (shown,) = residents(stage.runtime, stage.clock.now)
    assert (shown.engine, shown.takes) == (None, 4)
    stage.runtime.scheduler.on_pressure("nobody", Pressure(running=1, waiting=1))


async def test_the_runtime_asks_those_that_are_ready():
    stage = RuntimeStage()
    running = await stage.resident(A)
    backend = running.fake = Telling()
    backend.text = vllm_metrics(running=2, waiting=0, usage=0.97)
    stage.runtime._tick()
    await until(lambda: residents(stage.runtime, stage.clock.now)[0].engine is not None)
    running.gone.clear()
    stage.runtime.unload("a:v")
    stage.clock.now += 10
    stage.runtime._tick()
    await turns()
    assert backend.reads == 1, "nobody asks an engine that leaves"
    running.gone.set()
    await turns()
