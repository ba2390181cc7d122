"""Which posts an engine gets to sleep and to wake: those of the depth it was put to."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from backends.contract import Call, Reply
from backends.errors import BackendError, Cause
from backends.http.reply import WholeReply
from backends.process.ledger import Ledger
from backends.process.supervisor import EngineProcess
from backends.vllm.sleep import States, states
from gateway.scheduling.engines import ChildEngine
from gateway.scheduling.target import Depth
from tests.fakes.engine_plan import fake_plan
from tests.fakes.launcher import FakeBackend

LIGHT = ["/sleep?level=1", "/wake_up"]
DEEP = ["/sleep?level=2", "/wake_up?tags=weights", "/collective_rpc", "/wake_up?tags=kv_cache"]


class Engine:
    """A process that idles, and what it would have been told."""

    def __init__(self, process: EngineProcess, root: Path, how: States) -> None:
        self.told: list[str] = []
        self.deaf_to = ""
        backend = FakeBackend()
        backend.replies = self._reply
        plan = msgspec.structs.replace(process.plan, **msgspec.structs.asdict(how))
        self.child = ChildEngine(process, backend, plan, 0.0, root)

    async def _reply(self, call: Call) -> Reply:
        if call.path == self.deaf_to:
            raise BackendError(Cause.UPSTREAM_TIMEOUT, "no answer")
        self.told.append(call.path)
        return WholeReply(200, "application/json", (), b"{}")


@pytest.fixture
async def process() -> AsyncIterator[tuple[EngineProcess, Path]]:
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as name:  # socket paths are short
        root = Path(name)
        started = await EngineProcess.start(fake_plan(root), Ledger(root / "engines"))
        yield started, root
        await started.stop(0.0)


@pytest.mark.parametrize(("depth", "paths"), [("light", LIGHT), ("deep", DEEP)])
async def test_it_wakes_as_it_was_put_to_sleep(
    process: tuple[EngineProcess, Path], depth: Depth, paths: list[str]
) -> None:
    engine = Engine(*process, states(real=True))
    other: Depth = "deep" if depth == "light" else "light"
    for each in (other, depth):
        engine.told.clear()
        await engine.child.sleep(each)
        await engine.child.wake()
    assert engine.told == paths


async def test_where_no_memory_moves_there_is_no_deep_sleep(process: tuple[EngineProcess, Path]) -> None:
    engine = Engine(*process, states(real=False))
    with pytest.raises(BackendError, match="cannot sleep so"):
        await engine.child.sleep("deep")
    assert engine.told == []
    await engine.child.sleep("light")
    await engine.child.wake()
    assert engine.told == LIGHT


async def test_a_wake_ends_with_the_first_step_that_fails(process: tuple[EngineProcess, Path]) -> None:
    engine = Engine(*process, states(real=True))
    await engine.child.sleep("deep")
    engine.deaf_to = "/collective_rpc"
    with pytest.raises(BackendError, match="no answer"):
        await engine.child.wake()
    assert engine.told == DEEP[:2], "a cache over weights that are not there would be worse"
