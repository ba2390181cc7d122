"""What tests of real worker processes share: how they are measured, and ended so that they can say what was."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import coverage
import httpx

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "tests" / "measured"


def measured() -> dict[str, str]:
    """What a worker needs so that its code counts, when this run is measured."""
    if "COVERAGE_PROCESS_START" not in os.environ:
        return {}
    kept = {name: os.environ[name] for name in ("COVERAGE_PROCESS_START", "COVERAGE_FILE") if name in os.environ}
    site = str(Path(coverage.__file__).parents[1])
    return kept | {"FOREBAY_TEST_COVERAGE_SITE": site, "PYTHONPATH": os.pathsep.join((str(ROOT), str(MEASURED)))}


def end(process: subprocess.Popen[bytes]) -> None:
    """A word first: a worker that is killed outright cannot write down what it measured."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def await_ready(process: subprocess.Popen[bytes], socket: Path, stderr: Callable[[], str], seconds: float) -> None:
    """Returns once ``/health`` is 200."""
    deadline = time.monotonic() + seconds
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, base_url="http://worker") as client:
        while time.monotonic() < deadline:
            assert process.poll() is None, stderr()
            try:
                if client.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)  # a poll with a deadline: the socket appears when it appears
    raise AssertionError(f"not ready in time: {stderr()}")
