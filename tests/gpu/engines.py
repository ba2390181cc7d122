"""Engines that hold memory and do nothing: real processes, real bytes, for placement on real devices."""

import asyncio
import os
import sys
from pathlib import Path

import psutil

from backends.contract import Backend
from backends.errors import BackendError, Cause
from gateway.catalog.profile import ModelProfile, Variant
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST
from gateway.scheduling.launcher import Running
from gateway.scheduling.target import Depth, Target
from tests.fakes.launcher import FakeBackend

HOLDER = Path(__file__).with_name("holder.py")
DEADLINE = 60.0


class Holding:
    """Implements ``Running``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._backend = FakeBackend()
        self.exited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.pid: int | None = process.pid

    @property
    def backend(self) -> Backend:
        return self._backend

    def pids(self) -> frozenset[int]:
        return frozenset((self._process.pid,))

    async def memory(self) -> int:
        return psutil.Process(self._process.pid).memory_info().rss

    def log_tail(self) -> str:
        return ""

    async def sleep(self, depth: Depth) -> None:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "it cannot")

    async def wake(self) -> None:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "it cannot")

    async def stop(self) -> None:
        """Killed, as the hardest case: the driver cleans up after it."""
        self.kill()
        await asyncio.wait_for(self._process.wait(), DEADLINE)

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


class HoldingLauncher:
    """Implements ``Launcher``: an engine holds exactly what it was granted."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def missing(self, profile: ModelProfile, variant: Variant) -> BackendError | None:
        return None

    async def launch(self, target: Target, placement: Placement) -> Running:
        self.begun.append(target.variant_id)
        (share, *_) = placement.shares
        kind = "cpu" if share.device_id == HOST else "cuda"
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HOLDER), kind, str(target.device_bytes),
            env={**os.environ, "CUDA_VISIBLE_DEVICES": share.device_id},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), DEADLINE)
        if line != b"held\n":
            raise BackendError(Cause.OUT_OF_MEMORY, f"{target.variant_id} did not get its memory")
        return Holding(process)
