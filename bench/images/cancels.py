"""Cancels at random steps: how long each takes beyond its step, and whether the next picture is the same."""

import http.client
import json
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from random import Random

from backends.contract import LaunchRequest
from backends.diffusers.args import DiffusersArgs
from backends.diffusers.command import plan

JOB = {"prompt": "a cat", "width": 256, "height": 256, "seeds": [7]}


class Worker(http.client.HTTPConnection):
    """A connection to the worker's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("worker", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def measure(python: Path, folder: Path, count: int) -> None:
    """Prints the figures of ``count`` cancels."""
    with tempfile.TemporaryDirectory(prefix="fbb") as scratch:
        args = DiffusersArgs(pipelines={"generate": "StableDiffusionPipeline"}, dtype="fp32", threads=1)
        request = LaunchRequest(
            variant_id="b", served_name="b", weights=(), folder=folder, shares=(), run_dir=Path(scratch), slots=1,
            context_tokens=0, steps=8, guidance=5.0,
        )  # fmt: skip
        launch = plan(args, request, python)
        process = subprocess.Popen(launch.argv, env=launch.env, cwd=launch.cwd, stderr=subprocess.DEVNULL)
        try:
            _until_ready(launch.socket)
            before = _picture(launch.socket)
            random = Random(1)
            taken = [_cancel(launch.socket, f"c{i}", random.randint(1, 30)) for i in range(count)]
            same = _picture(launch.socket) == before
        finally:
            process.terminate()
            process.wait()
    over = sorted(seconds - step for seconds, step in taken)
    steps = statistics.median(step for _, step in taken)
    print(
        f"{count} cancels: a step takes {steps * 1e3:.0f} ms; beyond it median {statistics.median(over) * 1e3:.0f} ms, "
        f"longest {over[-1] * 1e3:.0f} ms (goal 100 ms); the next picture is {'' if same else 'NOT '}the same"
    )


def _until_ready(path: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            connection = Worker(path)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("the worker was not ready in time")


def _picture(path: Path) -> str:
    connection = Worker(path)
    connection.request("POST", "/jobs", json.dumps(JOB | {"id": "p", "steps": 8}))
    events = [json.loads(line) for line in connection.getresponse().read().splitlines()]
    return next(event["data"] for event in events if event["event"] == "artifact")


def _cancel(path: Path, name: str, at: int) -> tuple[float, float]:
    """Seconds from the cancel to the last line, and those of the longest step before it."""
    connection = Worker(path)
    connection.request("POST", "/jobs", json.dumps(JOB | {"id": name, "steps": 500}))
    answer = connection.getresponse()
    seen, last, longest, begun = 0, time.perf_counter(), 0.0, 0.0
    for line in iter(answer.readline, b""):
        event = json.loads(line)["event"]
        now = time.perf_counter()
        if event == "step":
            seen += 1
            longest = max(longest, now - last if seen > 1 else 0.0)
            last = now
            if seen == at + 1:
                begun = time.perf_counter()
                other = Worker(path)
                other.request("DELETE", f"/jobs/{name}")
                other.getresponse().read()
        elif event == "cancelled":
            return time.perf_counter() - begun, longest
    raise SystemExit("a cancelled job did not end as one")
