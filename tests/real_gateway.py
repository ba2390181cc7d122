"""``forebay serve`` as a process with a real llama.cpp engine and SmolLM2, for tests of the whole way.

The installed engine environments and the user's weights are used as they are; state, profiles and run folders are the
test's own. A runtime that is not installed, or weights that were never pulled, skip with the command that helps.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from backends.environments.environments import Environments

ROOT = Path(__file__).parents[1]
PROFILE = ROOT / "model_profiles" / "llm" / "smollm2-135m.yaml"
MODEL = "smollm2-135m"
RUNTIMES = ("llama_cpp_python", "xllamacpp")
SLOTS = 4
SLOT_CONTEXT = 2048
DEADLINE = 90.0
ENDLESS = {"0": -100, "2": -100}
"""A ``logit_bias`` that forbids the tokens which end an answer: it runs to its limit."""


class RealGateway:
    """A running gateway: ``address`` without a path, ``client`` on it, and its engine's own counters."""

    def __init__(self, process: subprocess.Popen[str], address: str, root: Path, runtime: str, key: str) -> None:
        self.process = process
        self.runtime = runtime
        self.address = address
        self.root = root
        self.client = httpx.Client(base_url=address, timeout=DEADLINE, headers={"authorization": f"Bearer {key}"})

    @property
    def base_url(self) -> str:
        """What an OpenAI client is pointed at."""
        return f"{self.address}/v1"

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def load(self) -> dict[str, Any]:
        """Brings the model in; what ``/api/ps`` shows of it."""
        self.post("/api/load", {"model": MODEL})
        return self.resident()

    def resident(self) -> dict[str, Any]:
        return self.get("/api/ps")["residents"][0]

    def in_flight(self) -> int:
        """Leases that the gateway counts."""
        return sum(resident["in_flight"] for resident in self.get("/api/ps")["residents"])

    def counters(self) -> dict[str, int]:
        """The engine's own counters, read past the gateway at the engine's socket."""
        socket = max((self.root / "t").glob("forebay-*/engine.sock"), key=lambda found: found.stat().st_ctime_ns)
        transport = httpx.HTTPTransport(uds=str(socket))
        with httpx.Client(transport=transport, base_url="http://engine", timeout=DEADLINE) as client:
            lines = client.get("/metrics").text.splitlines()
        values = (line.split() for line in lines if not line.startswith("#"))
        return {name.removeprefix("llama_worker_").removesuffix("_total"): int(value) for name, value in values}

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Asks again and again until ``condition()`` holds; fails after the deadline."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {self.get('/api/ps')}"

    def until_idle(self) -> dict[str, int]:
        """Waits until neither gateway nor engine has a request; the engine's counters then. An engine that has left
        (tests come in any order, and their gateway may have been idle for long) is brought back.
        """
        if not self.get("/api/ps")["residents"]:
            self.load()
        self.until(lambda: self.in_flight() == 0, "leases are held")
        self.until(lambda: (now := self.counters())["slots_busy"] == 0 and now["queued"] == 0, "slots are busy")
        return self.counters()

    def stop(self) -> int:
        """Asks it to end, by its pid, and returns its exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def body(content: str = "What is 2+2?", **fields: Any) -> dict[str, Any]:
    """A short chat that gives the same answer each time."""
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": content}],
        "temperature": 0,
        "max_tokens": 8,
        **fields,
    }


def profile(runtime: str) -> str:
    """The shipped profile of SmolLM2, held to one runtime and to less memory."""
    data = yaml.safe_load(PROFILE.read_text("utf-8"))
    (variant,) = data["variants"]
    share = variant["engine"]["context_tokens"] / (SLOTS * SLOT_CONTEXT)
    variant["engine"] |= {"runtime": runtime, "context_tokens": SLOTS * SLOT_CONTEXT, "slots": SLOTS}
    variant["footprint"]["kv_bytes"] = int(variant["footprint"]["kv_bytes"] / share)
    return yaml.safe_dump(data, sort_keys=False)


def require(runtime: str) -> None:
    """Skips where the engine or the weights are missing, with the command that brings them."""
    if Environments().python("llama_cpp", runtime) is None:
        pytest.skip(f"runtime {runtime} is not installed (forebay engines install llama_cpp --runtime {runtime})")


@contextmanager
def real_gateway(
    runtime: str, *, key: str = "none", profiles: Mapping[str, str] | None = None, **settings: object
) -> Iterator[RealGateway]:
    """Starts one, and certainly ends it. ``key`` is what ``client`` presents, ``settings`` those of ``Settings``;
    ``profiles`` (name to text) are added to the one of SmolLM2.
    """
    require(runtime)
    with served({MODEL: profile(runtime)} | dict(profiles or {}), key=key, **settings) as gateway:
        gateway.runtime = runtime
        _require_weights(gateway)
        yield gateway
        assert gateway.stop() == 0, (gateway.root / "log").read_text()


@contextmanager
def served(
    profiles: Mapping[str, str], *, key: str = "none", state: Path | None = None, **settings: object
) -> Iterator[RealGateway]:
    """A gateway that serves ``profiles`` (name to text) and nothing else; killed where it was not stopped. ``state``
    outlives it: a second one on it finds what the first left behind.
    """
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as folder:  # socket paths are short
        root = Path(folder)
        for name in ("profiles", "t"):
            (root / name).mkdir()
        for name, content in profiles.items():
            (root / "profiles" / f"{name}.yaml").write_text(content, "utf-8")
        chosen = {"profiles_dir": root / "profiles", "state_dir": state or root / "state", "log_level": "WARNING"}
        env = {name: value for name, value in os.environ.items() if not name.startswith("FOREBAY_")}
        env |= {f"FOREBAY_{name.upper()}": str(value) for name, value in (chosen | settings).items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--port", "0"],
            cwd=ROOT, env=env | {"TMPDIR": str(root / "t")}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=(root / "log").open("w"),
        )  # fmt: skip
        try:
            yield RealGateway(process, _first_line(process, root).split()[-1], root, "", key)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _first_line(process: subprocess.Popen[str], root: Path) -> str:
    assert process.stdout is not None
    late = threading.Timer(DEADLINE, process.kill)  # ends the reading below
    late.start()
    try:
        line = process.stdout.readline()
    finally:
        late.cancel()
    assert line, (root / "log").read_text()
    return line


def _require_weights(gateway: RealGateway) -> None:
    answer = gateway.client.post("/api/load", json={"model": MODEL})
    if answer.status_code == 503 and answer.json()["error"]["code"] == "weights_missing":
        pytest.skip(f"the weights are not here (forebay pull {MODEL})")
    assert answer.status_code == 200, answer.text
