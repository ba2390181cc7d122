"""A real vLLM that dies, freezes and is left behind: what the client sees, how soon, and what is left of it.

Its own health path says 200 while a worker is frozen, and its server ends with code 0 when its engine has died.
"""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.real_gateway import RealGateway, served
from tests.vllm.serving import CHAT, START, body, family, load, profile, resident, seconds_until

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]
IDLE = 6.0


@pytest.fixture
def gateway(tiny_weights: Path, quick_data: Path) -> Iterator[RealGateway]:
    """One a test: a model whose engines die one after the other rests for a while."""
    profiles = {"tiny": profile(tiny_weights)}
    settings = {"idle_timeout": IDLE, "first_event_timeout": 30, "keepalive_after": 600, "data_dir": quick_data}
    with served(profiles, **settings) as gateway:
        yield gateway
        assert gateway.stop() == 0, (gateway.root / "log").read_text()


def cut(gateway: RealGateway, role: str, how: signal.Signals) -> tuple[list[str], float]:
    """The lines of a stream whose engine gets ``how`` after its second event, and the seconds until it had ended."""
    processes = family(load(gateway)["pid"])
    with httpx.stream("POST", f"{gateway.address}{CHAT}", json=body(tokens=1900, stream=True), timeout=120) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        seen = [next(lines), next(lines)]
        processes[role].send_signal(how)
        begun = time.monotonic()
        seen += lines
    return [line.removeprefix("data: ") for line in seen if line], time.monotonic() - begun


@pytest.mark.parametrize("role", ["Worker", "EngineCore", "server"])
def test_a_killed_part_ends_the_stream_with_an_error_and_a_new_engine_takes_over(
    gateway: RealGateway, role: str
) -> None:
    before = load(gateway)["pid"]
    processes = family(before)
    assert processes.keys() == {"server", "EngineCore", "Worker"}
    lines, seconds = cut(gateway, role, signal.SIGKILL)
    assert "error" in json.loads(lines[-1]), lines[-4:]
    assert "[DONE]" not in lines, "a cut stream is never whole"
    assert seconds <= 1.0
    if role != "EngineCore":  # two of three show it: a start takes its time
        goes_on(gateway, before)
    _, alive = psutil.wait_procs(list(processes.values()), timeout=10)
    assert alive == [], "no part of a dead engine lives on"


@pytest.mark.parametrize("role", ["Worker", "EngineCore"])
def test_a_frozen_part_is_found_in_time_and_replaced(gateway: RealGateway, role: str) -> None:
    before = load(gateway)["pid"]
    processes = family(before)
    begun = time.monotonic()
    lines, seconds = cut(gateway, role, signal.SIGSTOP)
    assert "error" in json.loads(lines[-1])
    assert "[DONE]" not in lines
    assert seconds <= IDLE + 2
    seconds_until(lambda: not psutil.pid_exists(before) or processes["server"].status() == "zombie", IDLE + 10)
    found = time.monotonic() - begun
    assert found <= IDLE + 2 + 1, "found, and ended"  # the second before the signal is the stream's own
    if role == "Worker":
        goes_on(gateway, before)
    _, alive = psutil.wait_procs(list(processes.values()), timeout=10)
    assert alive == []


def goes_on(gateway: RealGateway, before: int) -> None:
    """The next request is served, by another engine, without anybody's help."""
    answer = httpx.post(f"{gateway.address}{CHAT}", json=body(), timeout=START + 30)
    assert answer.status_code == 200, answer.text
    assert resident(gateway)["pid"] != before


def test_a_killed_gateway_leaves_nothing_behind_ten_seconds_after_the_next_start(
    tiny_weights: Path, quick_data: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with served({"tiny": profile(tiny_weights)}, state=state, data_dir=quick_data) as first:
        processes = family(load(first)["pid"])
        first.process.kill()
        first.process.wait()
    with served({"tiny": profile(tiny_weights)}, state=state, data_dir=quick_data) as second:
        _, alive = psutil.wait_procs(list(processes.values()), timeout=10)
        assert alive == []
        assert second.stop() == 0


def test_a_gateway_that_ends_while_its_engine_starts_takes_it_along(tiny_weights: Path) -> None:
    """vLLM ignores SIGTERM for half a minute while it imports."""
    with served({"tiny": profile(tiny_weights)}) as gateway:
        asking = threading.Thread(target=ask_for_it, args=(gateway.address,))
        asking.start()
        seconds_until(lambda: len(engines(gateway)) >= 2, 60)  # the server, and what it starts in turn
        processes = engines(gateway)
        begun = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - begun < 30
        asking.join(10)
        _, alive = psutil.wait_procs(processes, timeout=5)
        assert alive == []


def ask_for_it(address: str) -> None:
    """The gateway ends before it can answer."""
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"{address}/api/load", json={"model": "tiny"}, timeout=60)


def engines(gateway: RealGateway) -> list[psutil.Process]:
    """All that the gateway has started."""
    return psutil.Process(gateway.process.pid).children(recursive=True)
