"""Two real llama.cpp models that do not fit together: they take turns under load, and no request fails."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.real_gateway import DEADLINE, MODEL, RUNTIMES, RealGateway, body, profile, real_gateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

MIB = 1024**2
TWINS = ("twin-a", "twin-b")
CONTEXT = 16384
KV_BYTES = 30 * CONTEXT * 3 * (64 + 64) * 2
"""Of SmolLM2: layers, cells, heads, key and value, two bytes each."""


def twin(name: str, runtime: str) -> str:
    """SmolLM2 under another name, with a longer context: some 480 MiB, so that one fits into 640 MiB and two do not."""
    data = yaml.safe_load(profile(runtime))
    data |= {"id": name, "name": name, "aliases": []}
    (variant,) = data["variants"]
    variant["engine"] |= {"context_tokens": CONTEXT}
    variant["footprint"]["kv_bytes"] = KV_BYTES
    return yaml.safe_dump(data, sort_keys=False)


@pytest.fixture(scope="module", params=RUNTIMES)
def gateway(request: pytest.FixtureRequest) -> Iterator[RealGateway]:
    twins = {name: twin(name, request.param) for name in TWINS}
    with real_gateway(request.param, profiles=twins, devices="ram=640MiB", queue_wait=200) as gateway:
        gateway.post("/api/unload", {"model": MODEL})
        yield gateway


async def load(gateway: RealGateway, requests: int) -> tuple[list[httpx.Response], int]:
    """Chats for both models from many clients at once, half of them streamed; the most bytes ever held meanwhile."""
    most = 0
    over = asyncio.Event()
    async with httpx.AsyncClient(base_url=gateway.address, timeout=DEADLINE) as client:

        async def watch() -> None:
            nonlocal most
            while not over.is_set():
                shown = (await client.get("/api/ps")).json()["residents"]
                most = max(most, sum(resident["device_bytes"] for resident in shown if not resident["waits_for"]))

        async def ask(number: int) -> httpx.Response:
            wanted: dict[str, Any] = {"model": TWINS[number % 2], "stream": number % 4 > 1, "max_tokens": 12}
            return await client.post("/v1/chat/completions", json=body(f"Count to {number}.", **wanted))

        watching = asyncio.create_task(watch())
        answers = await asyncio.gather(*(ask(number) for number in range(requests)))
        over.set()
        await watching
    return answers, most


def test_they_alternate_drain_and_reload_and_nothing_fails(gateway: RealGateway) -> None:
    answers, most = asyncio.run(load(gateway, 40))
    assert Counter(answer.status_code for answer in answers) == {200: 40}, [a.text for a in answers if a.is_error]
    for answer in answers:
        assert "[DONE]" in answer.text or answer.json()["choices"][0]["finish_reason"] in ("stop", "length")
    assert most <= 640 * MIB, "never more than the budget"
    reasons = [answer.headers.get("x-forebay-reason", "") for answer in answers]
    assert any("makes room on host RAM by unloading twin-" in reason for reason in reasons)
    decisions = gateway.get("/api/decisions")["decisions"]
    loads = [decision for decision in decisions if decision["decision"] == "load"]
    assert {decision["model"] for decision in loads} >= set(TWINS)
    assert len(loads) <= 20, "in turns, not for each request; more of them where a load takes long"


def test_one_after_the_other_each_finds_its_room(gateway: RealGateway) -> None:
    for name in (*TWINS, *TWINS):
        answer = gateway.client.post("/v1/chat/completions", json=body(model=name))
        assert answer.status_code == 200, answer.text
        (resident,) = [r for r in gateway.get("/api/ps")["residents"] if r["state"] == "ready"]
        assert resident["model"] == name
    explained = gateway.get(f"/api/explain?model={TWINS[0]}")
    assert explained["candidates"][0]["decision"] == "load"
    assert "unloading twin-b" in explained["candidates"][0]["why"]


def test_what_a_load_took_is_remembered(gateway: RealGateway) -> None:
    gateway.until(
        lambda: gateway.get(f"/api/explain?model={TWINS[1]}")["candidates"][0]["source"] in ("computed", "measured"),
        "the head of its file was read",
    )
