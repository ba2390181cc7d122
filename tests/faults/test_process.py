"""Engines that die, hang, shout or refuse to go, and gateways that are killed: real processes, no mercy."""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from backends.contract import LaunchPlan
from backends.errors import BackendError, Cause
from backends.process.identity import Identity, alive, boot_id, identify
from backends.process.ledger import Entry, Ledger
from backends.process.lock import StateLock
from backends.process.reaper import reap_orphans
from backends.process.supervisor import EngineProcess
from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.engine_plan import fake_plan

DEADLINE = 30.0
PARENT = Path(__file__).parents[1] / "fakes" / "parent.py"
Start = Callable[[LaunchPlan], Awaitable[EngineProcess]]


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as name:  # socket paths are short
        yield Path(name)


@pytest.fixture
def ledger(run_dir: Path) -> Ledger:
    return Ledger(run_dir / "engines")


@pytest.fixture
async def start(ledger: Ledger):
    async with AsyncExitStack() as stack:

        async def begin(plan: LaunchPlan) -> EngineProcess:
            process = await EngineProcess.start(plan, ledger)
            stack.push_async_callback(process.stop, 0.0)
            return process

        yield begin


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.005)


async def pids_of(run_dir: Path) -> list[Identity]:
    """The engine and its grandchild, as ``--pid-file`` wrote them down."""
    await until((run_dir / "pids").exists)
    found = [identify(pid) for pid in json.loads((run_dir / "pids").read_text())]
    assert None not in found
    return [identity for identity in found if identity is not None]


async def ended(process: EngineProcess):
    async with asyncio.timeout(DEADLINE):
        return await process.wait()


CHAT = {"messages": [{"role": "user", "content": "hi"}], "stream": True}


async def test_a_kill_mid_stream_is_noticed(run_dir: Path, start: Start, ledger: Ledger) -> None:
    process = await start(fake_plan(run_dir))
    await process.wait_ready()
    reader, writer = await asyncio.open_unix_connection(str(process.plan.socket))
    body = json.dumps({**CHAT, "fake": {"hold": 3}}).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await FakeEngineControl(process.plan.socket).wait("held")
    psutil.Process(process.pid).kill()
    end = await ended(process)
    assert (end.signal, end.code, end.stopped, end.crashed) == (signal.SIGKILL, None, False, True)
    received = await reader.read()
    assert received.count(b"data: ") == 3
    assert b"[DONE]" not in received
    assert ledger.entries() == ()
    assert not process.plan.socket.exists()
    writer.close()


@pytest.mark.parametrize("fault", ["exit_after", "die_after"])
async def test_an_engine_that_ends_by_itself_has_crashed_whatever_its_code(
    fault: str, run_dir: Path, start: Start
) -> None:
    process = await start(fake_plan(run_dir))
    await process.wait_ready()
    with pytest.raises(asyncio.IncompleteReadError):
        await FakeEngineControl(process.plan.socket).request(
            "POST", "/v1/chat/completions", {**CHAT, "fake": {fault: 2}}
        )
    end = await ended(process)
    assert end.crashed
    assert (end.code, end.signal) == ((0, None) if fault == "exit_after" else (None, signal.SIGKILL))


async def test_never_ready_ends_at_the_start_timeout_with_the_logs_tail(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, "--never-ready", "--load-message", "waiting for a miracle"))
    await until(lambda: "miracle" in process.logs.tail())
    with pytest.raises(BackendError) as caught:
        await process.wait_ready(0.05)
    assert caught.value.cause is Cause.LOAD_FAILED
    assert "not ready within 0.05 s" in caught.value.detail
    assert "waiting for a miracle" in caught.value.private
    assert "miracle" not in caught.value.detail
    assert alive(process.started_at)


async def test_an_exit_while_loading_ends_the_wait_at_once(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, "--exit-at-load", "3", "--load-message", "bad file", start_timeout=1e6))
    with pytest.raises(BackendError) as caught:
        async with asyncio.timeout(DEADLINE):
            await process.wait_ready()
    assert caught.value.cause is Cause.LOAD_FAILED
    assert "exit code 3" in caught.value.detail
    assert "bad file" in caught.value.private


@pytest.mark.parametrize(
    "flags",
    [("--kill-at-load",), ("--exit-at-load", "1", "--load-message", "ggml: failed to allocate buffer of 9 GB")],
    ids=["signal 9", "last words"],
)
async def test_out_of_memory_while_loading_is_told_apart(flags: tuple[str, ...], run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, *flags))
    with pytest.raises(BackendError) as caught:
        await process.wait_ready()
    assert caught.value.cause is Cause.OUT_OF_MEMORY


async def test_loading_answers_503_until_it_is_done(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, "--hold-load"))
    waiting = asyncio.create_task(process.wait_ready())
    control = FakeEngineControl(process.plan.socket)
    await control.reachable()
    assert (await control.request("GET", "/health"))[0] == 503
    assert not waiting.done()
    await control.finish_loading()
    await waiting
    assert (await control.request("GET", "/health"))[0] == 200


async def test_term_ends_a_polite_engine_and_the_second_stop_joins_the_first(
    run_dir: Path, start: Start, ledger: Ledger
) -> None:
    process = await start(fake_plan(run_dir))
    await process.wait_ready()
    assert [entry.leader for entry in ledger.entries()] == [process.started_at]
    await asyncio.gather(process.stop(DEADLINE), process.stop(DEADLINE))
    await process.stop()
    end = process.exited.result()
    assert (end.signal, end.stopped, end.crashed, end.out_of_memory) == (signal.SIGTERM, True, False, False)
    assert ledger.entries() == ()


async def test_a_cancelled_stop_goes_on(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir))
    await process.wait_ready()
    caller = asyncio.create_task(process.stop(DEADLINE))
    await asyncio.sleep(0)
    caller.cancel()
    assert (await ended(process)).stopped


async def test_an_engine_that_ignores_term_is_killed(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, "--ignore-term"))
    await process.wait_ready()
    await process.stop(0.05)
    assert process.exited.result().signal == signal.SIGKILL
    assert process.exited.result().stopped
    assert not alive(process.started_at)


async def test_kill_shortens_a_stop_in_progress(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, "--ignore-term"))
    await process.wait_ready()
    stopping = asyncio.create_task(process.stop(1e6))
    await asyncio.sleep(0)
    process.kill()
    async with asyncio.timeout(DEADLINE):
        await stopping
    process.kill()
    assert process.exited.result().signal == signal.SIGKILL


async def test_a_hung_engine_is_killed(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir))
    await process.wait_ready()
    body = {**CHAT, "fake": {"hang_after": 1}}
    request = asyncio.create_task(FakeEngineControl(process.plan.socket).request("POST", "/v1/chat/completions", body))
    await until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    await process.stop(0.05)
    assert not alive(process.started_at)
    with pytest.raises(asyncio.IncompleteReadError):
        await request


@pytest.mark.parametrize("where", ["group", "session"])
async def test_grandchildren_die_with_the_engine(where: str, run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, "--grandchild", where, "--pid-file", str(run_dir / "pids")))
    await process.wait_ready()
    family = await pids_of(run_dir)
    assert await process.memory() > 1 << 20
    await process.stop()
    assert not any(alive(identity) for identity in family), "stop returns when the memory of all of them is back"


@pytest.mark.parametrize("where", ["group", "session"])
async def test_grandchildren_die_when_the_engine_crashes(
    where: str, run_dir: Path, start: Start, ledger: Ledger
) -> None:
    process = await start(fake_plan(run_dir, "--grandchild", where, "--pid-file", str(run_dir / "pids")))
    await process.wait_ready()
    _, grandchild = await pids_of(run_dir)
    psutil.Process(process.pid).kill()
    assert (await ended(process)).crashed
    await process.stop()
    assert not alive(grandchild)
    assert ledger.entries() == ()


async def test_a_hundred_megabytes_of_logs_cost_next_to_nothing(run_dir: Path, start: Start) -> None:
    before = psutil.Process().memory_info().rss
    process = await start(fake_plan(run_dir, "--logs-mb", "100"))
    await process.wait_ready(DEADLINE)
    await until(lambda: process.logs.received >= 100_000_000)
    await until(lambda: process.logs.tail().endswith("last line"))
    assert len(process.logs.tail(1 << 30)) <= 64 * 1024
    # The ring is 64 KiB and the pipe is read in pieces of 256 KiB; the rest of the allowance is the allocator's.
    assert psutil.Process().memory_info().rss - before <= 2 << 20


async def test_memory_counts_what_the_engine_allocated(run_dir: Path, start: Start) -> None:
    process = await start(fake_plan(run_dir, "--allocate-mb", "64"))
    await process.wait_ready()
    assert await process.memory() >= 64 << 20
    await process.stop()
    assert await process.memory() == 0


async def test_the_environment_is_exactly_the_plans(
    run_dir: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    process = await start(fake_plan(run_dir, env={"OMP_WAIT_POLICY": "passive"}))
    await process.wait_ready()
    environ = psutil.Process(process.pid).environ()
    assert environ.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # CPython sets it for itself under the C locale
    assert environ == process.plan.env


async def begin_parent(run_dir: Path, state: Path, *flags: str) -> tuple[asyncio.subprocess.Process, Identity]:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(PARENT), str(run_dir), str(state), *flags, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(DEADLINE):
        word, pid, began = (await parent.stdout.readline()).split()
    assert word == b"ready"
    return parent, Identity(int(pid), int(began))


async def kill_parent(parent: asyncio.subprocess.Process) -> None:
    parent.kill()
    async with asyncio.timeout(DEADLINE):
        await parent.wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the death signal is Linux's; elsewhere the reaper")
async def test_the_engine_dies_with_a_killed_gateway(run_dir: Path) -> None:
    parent, engine = await begin_parent(run_dir, run_dir / "state")
    assert alive(engine)
    await kill_parent(parent)
    await until(lambda: not alive(engine))
    assert reap_orphans(run_dir / "state" / "engines") == []
    assert Ledger(run_dir / "state" / "engines").entries() == ()


@pytest.mark.parametrize("where", ["group", "session"])
async def test_the_next_boot_reaps_what_outlived_a_killed_gateway(where: str, run_dir: Path) -> None:
    state = run_dir / "state"
    flags = ("--grandchild", where, "--pid-file", str(run_dir / "pids"))
    parent, engine = await begin_parent(run_dir, state, *flags)
    _, grandchild = await pids_of(run_dir)
    await kill_parent(parent)
    if sys.platform.startswith("linux"):
        await until(lambda: not alive(engine))
        assert alive(grandchild)  # the death signal reaches the leader only: this is what the reaper is for
    with StateLock(state):
        reaped = reap_orphans(state / "engines")
    assert [(r.group, grandchild in r.killed, r.gone) for r in reaped] == [(engine.pid, True, True)]
    assert not alive(engine)
    assert not alive(grandchild)
    assert reap_orphans(state / "engines") == []


async def test_a_second_gateway_on_the_same_state_directory_is_refused(run_dir: Path) -> None:
    state = run_dir / "state"
    parent, _ = await begin_parent(run_dir, state)
    with pytest.raises(BackendError) as caught:
        StateLock(state).acquire()
    assert caught.value.cause is Cause.STORAGE
    assert f"pid {parent.pid}" in caught.value.detail
    await kill_parent(parent)
    with StateLock(state):
        assert state.joinpath("gateway.lock").read_text().strip()


async def test_the_reaper_spares_a_recycled_pid(run_dir: Path, ledger: Ledger) -> None:
    bystander = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", "import signal; signal.pause()", start_new_session=True
    )
    try:
        real = identify(bystander.pid)
        assert real is not None
        earlier = Identity(real.pid, real.start - 1)
        ledger.record(Entry(leader=earlier, boot=boot_id(), command="engine", members=(earlier,)))
        ledger.record(Entry(leader=real, boot="another boot of this machine", command="engine"))
        assert reap_orphans(run_dir / "engines") == []
        assert alive(real)
        assert ledger.entries() == ()
    finally:
        bystander.kill()
        await bystander.wait()
