"""Everything beside the SDKs' endpoints, with a real engine: the short path, health, metrics and the operator API."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.real_gateway import ENDLESS, MODEL, RUNTIMES, SLOTS, RealGateway, body, real_gateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module", params=RUNTIMES)
def gateway(request: pytest.FixtureRequest) -> Iterator[RealGateway]:
    with real_gateway(request.param) as gateway:
        yield gateway


def endless(tokens: int) -> dict[str, Any]:
    """A stream of exactly so many tokens."""
    return body("Tell a story.", max_tokens=tokens, logit_bias=ENDLESS, stream=True)


def events(answer: httpx.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in answer.iter_lines() if line]


def metrics(gateway: RealGateway) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels."""
    families = text_string_to_metric_families(gateway.client.get("/metrics").text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def total(samples: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    return sum(
        value for (found, given), value in samples.items() if found == name and labels.items() <= dict(given).items()
    )


def test_the_short_path_is_a_chat(gateway: RealGateway) -> None:
    short, long = (gateway.post(path, body())["choices"] for path in ("/v1/chat", CHAT))
    assert short == long
    with gateway.client.stream("POST", "/v1/chat", json=body(stream=True)) as answer:
        *chunks, done = events(answer)
    assert done == "[DONE]"
    text = "".join(json.loads(chunk)["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == short[0]["message"]["content"]


def test_health_and_readiness(gateway: RealGateway) -> None:
    assert gateway.get("/health") == {"status": "ok"}
    assert gateway.get("/ready") == {"status": "ready"}


def test_metrics_count_requests_and_tokens(gateway: RealGateway) -> None:
    before = metrics(gateway)
    usage = gateway.post(CHAT, body())["usage"]
    with gateway.client.stream("POST", CHAT, json=endless(5)) as answer:
        assert events(answer)[-1] == "[DONE]"
    gateway.client.post(CHAT, json=body(temperature=9))
    after = metrics(gateway)

    def grown(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    assert grown("gateway_requests_total", model=MODEL, outcome="ok") == 2
    assert grown("gateway_requests_total", outcome="client_error") == 1
    assert grown("gateway_tokens_total", model=MODEL, type="output") >= usage["completion_tokens"]
    assert grown("gateway_request_duration_seconds_count", model=MODEL) >= 2


def test_what_is_in_memory_and_where(gateway: RealGateway) -> None:
    resident = gateway.load()
    assert (resident["model"], resident["variant"], resident["state"]) == (MODEL, "q4_1", "ready")
    assert resident["slots"] == SLOTS
    assert resident["pid"] > 1
    assert resident["device_bytes"] > 100_000_000
    (device,) = gateway.get("/api/devices")["devices"]
    assert resident["devices"] == [device["id"]]
    assert device["healthy"]
    assert device["reserved_bytes"] == resident["device_bytes"] < device["total_bytes"]


def test_an_explanation_has_the_arithmetic(gateway: RealGateway) -> None:
    gateway.load()
    told = gateway.get(f"/api/explain?model={MODEL}")
    assert (told["model"], told["serves"]) == (MODEL, "q4_1")
    (candidate,) = told["candidates"]
    assert candidate["available"]
    assert candidate["decision"] == "serve"
    parts = sum(candidate[name] for name in ("weights_bytes", "kv_bytes", "compute_bytes"))
    assert sum(term["bytes"] for term in candidate["terms"] if not term["on_host"]) == parts
    if candidate["source"] == "computed":  # else what the tests before have let it do was measured
        assert 0 < parts <= candidate["device_bytes"] * 1.01
    else:
        assert candidate["device_bytes"] >= candidate["weights_bytes"] + candidate["kv_bytes"]
    assert gateway.client.get("/api/explain?model=nope").status_code == 404
    assert gateway.client.get("/api/explain").json()["error"]["param"] == "model"


def test_who_waits_is_shown_and_served_in_the_end(gateway: RealGateway) -> None:
    gateway.load()
    with ExitStack() as stack:
        held = [
            events_of(stack.enter_context(gateway.client.stream("POST", CHAT, json=endless(1500))))
            for _ in range(SLOTS)
        ]
        assert all(next(lines) for lines in held)
        waiting = stack.enter_context(gateway.client.stream("POST", CHAT, json=endless(3)))
        (queued,) = gateway.get("/api/queue")["queue"]
        assert (queued["model"], queued["variant"]) == (MODEL, "q4_1")
        assert gateway.resident()["queued"] == 1
        held[0].close()
        gateway.until(lambda: not gateway.get("/api/queue")["queue"], "nobody gets the free slot")
        assert events(waiting)[-1] == "[DONE]"
    gateway.until_idle()


def events_of(answer: httpx.Response) -> Any:
    """A generator of lines whose ``close`` hangs up."""
    try:
        yield from answer.iter_lines()
    finally:
        answer.close()


def test_a_pin_holds_and_unloading_is_asked_for_by_name(gateway: RealGateway) -> None:
    loaded = gateway.post("/api/load", {"model": "smollm2", "pin": True})
    assert (loaded["model"], loaded["variant"]) == (MODEL, "q4_1")
    assert gateway.resident()["pinned"]
    assert gateway.post("/api/unload", {"model": f"{MODEL}:q4_1"}) == {"model": MODEL, "stopping": [f"{MODEL}:q4_1"]}
    gateway.until(lambda: not gateway.get("/api/ps")["residents"], "the engine is still there")
    assert gateway.post("/api/unload", {"model": MODEL})["stopping"] == []
    answer = gateway.client.post(CHAT, json=body())
    assert answer.headers["x-forebay-reason"].startswith("loaded: ")
    assert gateway.client.post(CHAT, json=body()).headers["x-forebay-reason"] == "resident"
    assert not gateway.resident()["pinned"]


def test_unloading_lets_a_stream_end(gateway: RealGateway) -> None:
    pid = gateway.load()["pid"]
    with gateway.client.stream("POST", CHAT, json=endless(150)) as answer:
        lines = answer.iter_lines()
        next(lines)
        assert gateway.post("/api/unload", {"model": MODEL})["stopping"] == [f"{MODEL}:q4_1"]
        assert gateway.resident()["state"] == "draining"
        rest = [line for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    assert json.loads(rest[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == "length"
    gateway.until(lambda: not gateway.get("/api/ps")["residents"], "the engine is still there")
    assert gateway.post(CHAT, body())["choices"]
    assert gateway.resident()["pid"] != pid
