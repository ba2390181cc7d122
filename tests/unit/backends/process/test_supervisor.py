"""What the fault suite does not reach: other watchers, other loops, failures at the start."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from backends.errors import BackendError, Cause
from backends.process import supervisor, watch
from backends.process.exit import Exit
from backends.process.identity import Identity, alive, identify
from backends.process.ledger import Ledger
from backends.process.supervisor import EngineProcess
from tests.fakes.engine_plan import fake_plan


async def life(run_dir: Path) -> Exit:
    process = await EngineProcess.start(fake_plan(run_dir, "--grandchild", "session"), Ledger(run_dir / "engines"))
    await process.wait_ready()
    assert await process.memory() > 1 << 20
    await process.stop()
    assert Ledger(run_dir / "engines").entries() == ()
    return process.exited.result()


def test_a_whole_life_on_uvloop(run_dir: Path):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(life(run_dir)).stopped


async def test_a_whole_life_without_pidfds(run_dir: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(pid: int, flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(watch.os, "pidfd_open", forbidden)
    assert (await life(run_dir)).stopped
    monkeypatch.delattr(watch.os, "pidfd_open")
    assert (await life(run_dir)).stopped


async def test_a_child_without_pidfd_that_outlives_its_loop_disturbs_nobody():
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        watch.watch_by_thread(child, lambda: pytest.fail("nobody is left to be told"))

    await asyncio.to_thread(loop.run_until_complete, begin())
    loop.close()
    child.kill()
    child.wait()
    assert child.stdin is not None
    child.stdin.close()


async def test_a_start_that_fails_after_the_launch_leaves_no_process(run_dir: Path, monkeypatch: pytest.MonkeyPatch):
    started: list[EngineProcess] = []

    class Broken(supervisor.Output):
        async def read(self, pipe: object) -> None:
            raise RuntimeError("no pipe today")

    class Kept(EngineProcess):
        def kill(self) -> None:
            started.append(self)
            super().kill()

    monkeypatch.setattr(supervisor, "Output", Broken)
    with pytest.raises(RuntimeError, match="no pipe today"):
        await Kept.start(fake_plan(run_dir), Ledger(run_dir / "engines"))
    async with asyncio.timeout(30):
        assert (await started[0].wait()).stopped
    pipe = started[0]._child.stdout  # pyright: ignore[reportPrivateUsage]
    assert pipe is not None
    pipe.close()


async def test_a_state_directory_that_cannot_be_written_refuses_the_start(run_dir: Path):
    (run_dir / "engines").write_text("")
    with pytest.raises(BackendError) as caught:
        await EngineProcess.start(fake_plan(run_dir), Ledger(run_dir / "engines"))
    assert caught.value.cause is Cause.STORAGE
    assert not (run_dir / "engine.sock").exists()


async def test_a_cancelled_waiter_takes_nothing_from_the_others(run_dir: Path):
    process = await EngineProcess.start(fake_plan(run_dir), Ledger(run_dir / "engines"))
    waiter = asyncio.create_task(process.wait())
    ready = asyncio.create_task(process.wait_ready())
    await asyncio.sleep(0)
    waiter.cancel()
    ready.cancel()
    await asyncio.wait({waiter, ready})
    await process.wait_ready()
    await process.stop()
    assert (await process.wait()).stopped


async def test_stop_after_a_crash_returns_and_memory_is_gone(run_dir: Path):
    process = await EngineProcess.start(fake_plan(run_dir, "--exit-at-load", "0"), Ledger(run_dir / "engines"))
    assert (await process.wait()).code == 0
    await process.stop()
    process.kill()
    assert process.exited.result().crashed
    assert await process.memory() == 0


async def family(run_dir: Path, *flags: str) -> tuple[EngineProcess, Identity]:
    """An engine, and its child as ``--pid-file`` wrote it down."""
    plan = fake_plan(run_dir, *flags, "--pid-file", str(run_dir / "pids"))
    process = await EngineProcess.start(plan, Ledger(run_dir / "engines"))
    async with asyncio.timeout(30):
        while not (run_dir / "pids").exists():
            await asyncio.sleep(0)
    child = identify(json.loads((run_dir / "pids").read_text())[1])
    assert child is not None
    return process, child


async def test_children_of_a_leader_that_never_became_ready_die_with_it(run_dir: Path):
    process, child = await family(run_dir, "--never-ready", "--grandchild", "group")
    os.kill(process.pid, signal.SIGKILL)  # nobody has written the child down, and its parent is gone now
    assert (await process.wait()).crashed
    await process.stop()
    assert not alive(child)


async def test_what_survives_its_kill_stays_in_the_ledger(run_dir: Path, monkeypatch: pytest.MonkeyPatch):
    process, child = await family(run_dir, "--grandchild", "session")
    await process.wait_ready()
    monkeypatch.setattr(supervisor, "_GONE_PATIENCE", 0.05)
    monkeypatch.setattr(supervisor, "alive", lambda identity: identity == child)  # as one stuck in a driver would seem
    await process.stop()
    assert process.exited.result().stopped
    (entry,) = Ledger(run_dir / "engines").entries()
    assert child in entry.members
