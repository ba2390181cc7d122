"""Real diffusers workers for tests, on tiny random weights: built once into the user's cache, one process a variant.

Skipped when the engine's environment is not installed. ``FOREBAY_TEST_DIFFUSERS_PYTHON`` names an interpreter to use
instead of the installed environment.
"""

import asyncio
import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import pytest

from backends.contract import Call, DeviceShare, LaunchRequest
from backends.diffusers.args import DiffusersArgs
from backends.diffusers.command import plan
from backends.environments.environments import Environments
from backends.http.relay import HttpBackend
from backends.wire.media_job import Artifact, Event, MediaJob, event_of
from tests.worker_processes import ROOT, await_ready, end, measured

DEADLINE = 90.0
TINY = ROOT / "tests" / "tiny_models"


def python() -> Path:
    """The interpreter of the engine's environment, or a skip that says how to get one."""
    given = os.environ.get("FOREBAY_TEST_DIFFUSERS_PYTHON")
    if given:
        return Path(given)
    found = Environments().python("diffusers")
    if found is None:
        pytest.skip("the engine diffusers is not installed (forebay engines install diffusers)")
    return found


def tiny(family: str, part: Literal["whole", "lora", "gguf"] = "whole") -> Path:
    """A folder of random weights, or of an adapter or a quantised denoiser; built again when a builder changes."""
    sources = b"".join(path.read_bytes() for path in sorted(TINY.glob("*.py")))
    version = hashlib.sha256(sources + str(python()).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forebay" / "test-tiny" / version
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / (family if part == "whole" else f"{family}-{part}")
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _build(family, folder, part)
    return folder


def _build(family: str, folder: Path, part: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "made"
        command = [
            str(python()),
            "-m",
            "tests.tiny_models",
            *([] if part == "whole" else [f"--{part}"]),
            family,
            str(made),
        ]
        environment = {"PATH": os.defpath, "HOME": scratch, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        made.rename(folder)


class Worker:
    """A running worker process and its socket."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
        self.process = process
        self.socket = socket
        self._log = log
        self.backend = HttpBackend("diffusers", socket)

    @property
    def stderr(self) -> str:
        return self._log.read_text(errors="replace")

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://worker", timeout=DEADLINE) as client:
            yield client

    async def run(self, job: MediaJob) -> list[Event]:
        """All events of a job. Raises ``BackendError`` when it fails."""
        heard: list[bytes] = []
        call = Call(path="/jobs", body=msgspec.json.encode(job), lines=True, heard=heard.append, idle_timeout=DEADLINE)
        backend = HttpBackend("diffusers", self.socket)
        async with asyncio.timeout(DEADLINE):
            reply = await backend.open(call)
        await backend.aclose()
        return [event_of(line) for line in (*heard, *reply.first.splitlines())]

    async def pictures(self, job: MediaJob) -> list[Artifact]:
        """What it made."""
        return [event for event in await self.run(job) if isinstance(event, Artifact)]

    def stop(self) -> int:
        """Ask the process to end and return its exit status."""
        self.process.terminate()
        return self.process.wait(DEADLINE)


@contextmanager
def running(
    folder: Path,
    args: DiffusersArgs,
    *,
    parts: dict[str, Path] | None = None,
    steps: int = 4,
    guidance: float | None = None,
    shares: tuple[DeviceShare, ...] = (),
    ready: bool = True,
) -> Iterator[Worker]:
    """A worker of our own, started as the gateway would, and certainly gone afterwards."""
    interpreter = python()
    with tempfile.TemporaryDirectory(prefix="fbw") as directory:
        request = LaunchRequest(
            variant_id="tiny",
            served_name="tiny",
            weights=(),
            folder=folder,
            parts=parts or {},
            shares=shares,
            run_dir=Path(directory),
            slots=1,
            context_tokens=0,
            steps=steps,
            guidance=guidance,
        )
        launch = plan(args, request, interpreter)
        log = Path(directory) / "stderr"
        # Where the environment is not ours, nothing links the package into it.
        env = launch.env | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | measured()
        with log.open("wb") as stderr:
            process = subprocess.Popen(launch.argv, env=env, cwd=launch.cwd, stderr=stderr, stdin=subprocess.DEVNULL)
        worker = Worker(process, launch.socket, log)
        try:
            if ready:
                await_ready(process, worker.socket, lambda: worker.stderr, DEADLINE)
            yield worker
        finally:
            end(process)
