"""A real engine that is killed, and clients that leave it: what the client, the next client and the engine see."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.real_gateway import DEADLINE, ENDLESS, RUNTIMES, RealGateway, body, real_gateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

CHAT = "/v1/chat/completions"
LIMIT = 1500


@pytest.fixture(params=RUNTIMES)
def gateway(request: pytest.FixtureRequest) -> Iterator[RealGateway]:
    """One a test: engines die here."""
    with real_gateway(request.param) as gateway:
        yield gateway


@pytest.fixture(scope="module", params=RUNTIMES)
def shared(request: pytest.FixtureRequest) -> Iterator[RealGateway]:
    """For tests that leave the engine as it was."""
    with real_gateway(request.param) as gateway:
        yield gateway


def endless(**fields: Any) -> dict[str, Any]:
    return body("Tell a story.", max_tokens=LIMIT, logit_bias=ENDLESS, **fields)


def family(pid: int) -> list[psutil.Process]:
    """An engine with its children: the second runtime has one."""
    engine = psutil.Process(pid)
    return [engine, *engine.children(recursive=True)]


def kill_mid_stream(gateway: RealGateway, victim: int) -> list[str]:
    """The lines of a stream whose engine dies after its second event; ``victim`` counts within its family."""
    processes = family(gateway.resident()["pid"])
    with gateway.client.stream("POST", CHAT, json=endless(stream=True)) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        seen = [next(lines), next(lines)]
        processes[victim].kill()
        seen += lines
    _, left = psutil.wait_procs(processes, timeout=DEADLINE)
    assert not left, "no part of a dead engine lives on"
    return [line.removeprefix("data: ") for line in seen if line]


def pids(gateway: RealGateway) -> set[int]:
    return {resident["pid"] for resident in gateway.get("/api/ps")["residents"]}


def error_of(answer: httpx.Response) -> dict[str, Any]:
    return answer.json()["error"]


def test_a_killed_engine_costs_what_ran_an_error_and_is_replaced_once(gateway: RealGateway) -> None:
    first = gateway.load()["pid"]
    answers: list[httpx.Response] = []

    def ask() -> None:
        plain = endless() | {"max_tokens": 300}
        answers.append(httpx.post(f"{gateway.address}{CHAT}", json=plain, timeout=DEADLINE))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    gateway.until(lambda: gateway.counters()["slots_busy"] == 3, "they never began")
    *chunks, last = kill_mid_stream(gateway, 0)
    for thread in threads:
        thread.join(DEADLINE)
    assert json.loads(last)["error"]["code"] == "stream_broken"
    assert "[DONE]" not in chunks
    assert all(json.loads(chunk)["choices"] for chunk in chunks)
    assert len(answers) == 3
    for answer in answers:  # of which nothing had been sent: the next engine may answer them
        assert answer.status_code == 200 or error_of(answer)["type"] == "server_error"

    gateway.until(lambda: first not in pids(gateway), "the dead engine is still listed")
    again = gateway.client.post(CHAT, json=body())
    assert again.status_code == 200, again.text
    assert pids(gateway) != {first}

    kill_mid_stream(gateway, 0)
    gateway.until(lambda: not pids(gateway), "the dead engine is still listed")
    cooling = gateway.client.post(CHAT, json=body())
    assert (cooling.status_code, error_of(cooling)["code"]) == (503, "load_failed")
    assert 1 <= int(cooling.headers["retry-after"]) <= 30
    assert "SIGKILL" in error_of(cooling)["message"]
    assert gateway.client.get("/ready").status_code == 200


@pytest.mark.parametrize("gateway", ["xllamacpp"], indirect=True)
def test_the_server_below_the_second_runtime_takes_its_worker_along(gateway: RealGateway) -> None:
    gateway.load()
    *_, last = kill_mid_stream(gateway, 1)
    assert "error" in json.loads(last)
    gateway.until(lambda: not pids(gateway), "the dead engine is still listed")
    assert gateway.post(CHAT, body())["choices"]


def test_a_stream_that_is_left_frees_its_slot(shared: RealGateway) -> None:
    before = shared.until_idle()
    with shared.client.stream("POST", CHAT, json=endless(stream=True)) as answer:
        lines = answer.iter_lines()
        for _ in range(9):
            next(lines)
        assert shared.counters()["slots_busy"] == 1
    after = shared.until_idle()
    assert 0 < after["generated_tokens"] - before["generated_tokens"] < LIMIT
    assert after == shared.counters(), "nothing is computed any more"


def test_of_two_only_the_one_that_leaves_stops(shared: RealGateway) -> None:
    shared.until_idle()
    with shared.client.stream("POST", CHAT, json=endless(stream=True) | {"max_tokens": 120}) as kept:
        with shared.client.stream("POST", CHAT, json=endless(stream=True)) as left:
            left_lines, kept_lines = left.iter_lines(), kept.iter_lines()
            next(left_lines)
            next(kept_lines)
            assert shared.counters()["slots_busy"] == 2
        rest = [line for line in kept_lines if line]
    assert rest[-1] == "data: [DONE]"
    shared.until_idle()


def test_a_request_that_is_left_while_its_prompt_is_computed(shared: RealGateway) -> None:
    before = shared.until_idle()
    words = " ".join(f"w{number}" for number in range(200))
    long = endless() | body(words, max_tokens=1000)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{shared.address}{CHAT}", json=long, timeout=httpx.Timeout(DEADLINE, read=0.3))
    after = shared.until_idle()
    # Of a prompt that one step computes, the engine may give a first token before it looks up.
    assert after["generated_tokens"] - before["generated_tokens"] < 100
