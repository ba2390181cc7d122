"""One access line and one count for every request, whatever became of it, with the outcome in closed words."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway import engine_profile
from tests.fakes.gateway_process import CHAT, GatewayProcess, chat

KEY = "operator-key-of-this-test"


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayProcess]:
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as folder:
        profiles = {
            "m": engine_profile("m"),
            "one": engine_profile("one", slots=1),
            "broken": engine_profile("broken", "--exit-at-load", "3", "--load-message", "cannot open the weights"),
        }
        settings = {"access_log": "true", "log_level": "ERROR", "queue_size": 1, "body_deadline": 0.5, "api_key": KEY,
                    "first_event_timeout": 0.5}  # fmt: skip
        made = GatewayProcess(Path(folder), profiles, **settings)
        await made.start()
        made.client.headers["authorization"] = f"Bearer {KEY}"
        yield made
        await made.close()


async def dripped(address: httpx.URL) -> None:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
    )
    writer.write(f"{head}Content-Length: 9\r\n\r\n{{".encode())
    async with asyncio.timeout(30):
        assert b" 408 " in await reader.readline()
    writer.close()


async def test_every_outcome_has_its_line_and_its_count(gateway: GatewayProcess):
    client = gateway.client

    async def post(body: dict, **headers: str) -> int:
        return (await client.post(CHAT, json=body, headers=headers)).status_code

    assert await post(chat("m")) == 200
    assert await post({**chat("m", stream=True), "stream_options": {"include_usage": True}}) == 200
    assert await post({**chat("m"), "n": 0}) == 400
    assert await post(chat("m"), authorization="Bearer wrong") == 401
    assert await post(chat("unknown")) == 404
    assert (await client.get("/nowhere")).status_code == 404
    await dripped(client.base_url)
    assert await post(chat("m", 'fake: {"status": 429, "retry_after": 600}')) == 429
    assert await post(chat("m", 'fake: {"status": 500}')) == 502
    assert await post(chat("m", 'fake: {"hold": 0}', stream=True)) == 504
    assert await post(chat("m", 'fake: {"cut_after": 3}', stream=True)) == 200
    assert await post(chat("broken")) == 503
    _, engine = await gateway.load("one")
    held = asyncio.create_task(post(chat("one", 'fake: {"hold": 1}', stream=True)))
    await engine.wait("held")
    waiting = asyncio.create_task(post(chat("one")))
    async with asyncio.timeout(30):
        while not (await client.get("/api/queue")).json()["queue"]:
            pass  # each look is a request: the loop turns
    assert await post(chat("one")) == 429
    waiting.cancel()
    held.cancel()
    await asyncio.gather(waiting, held, return_exceptions=True)
    await engine.wait("closed")
    outcomes = (
        "ok",
        "client_error",
        "rate_limited",
        "overloaded",
        "timeout",
        "upstream_error",
        "cancelled",
        "not_found",
    )
    scraped = (await client.get("/metrics")).text
    assert {outcome for outcome in outcomes if f'outcome="{outcome}"' in scraped} == set(outcomes)
    await client.get("/health")
    gateway.process.terminate()
    assert await gateway.ended() == 0

    lines = [json.loads(line) for line in gateway.errors.splitlines()]
    access = [line for line in lines if line["logger"] == "forebay.access"]
    ids = [line["request_id"] for line in access]
    assert len(ids) == len(set(ids))
    chats = [line for line in access if line["path"] == CHAT]
    found = Counter((line["status"], line["outcome"], line.get("cause", "")) for line in chats)
    expected = {
        (200, "ok", ""): 2,
        (400, "client_error", "invalid_request"): 1,
        (401, "client_error", "auth"): 1,
        (404, "not_found", "not_found"): 1,
        (408, "timeout", "request_timeout"): 1,
        (429, "rate_limited", "upstream_rate_limited"): 1,
        (502, "upstream_error", "upstream_error"): 1,
        (504, "timeout", "upstream_timeout"): 1,
        (200, "upstream_error", "stream_broken"): 1,
        (503, "upstream_error", "load_failed"): 1,
        (429, "overloaded", "queue_full"): 1,
        (200, "cancelled", "client_gone"): 1,
        (0, "cancelled", "client_gone"): 1,
    }
    assert found == expected
    good = next(line for line in chats if line["outcome"] == "ok" and not line.get("stream"))
    assert {"time", "key", "model", "variant", "backend", "where", "reason", "seconds", "first_event"} <= good.keys()
    assert (good["key"], good["model"], good["variant"], good["where"], good["attempts"]) == (
        "operator",
        "m",
        "only",
        "local",
        1,
    )
    assert good["tokens_out"] == 8
    failed = next(line for line in chats if line.get("cause") == "load_failed")
    assert "cannot open the weights" in failed.get("private", "") or any(
        "cannot open the weights" in line.get("tail", "") for line in lines
    )
    assert not [line for line in lines if line["level"] == "critical"]
    by_id = {line["request_id"] for line in access}
    assert {line["request_id"] for line in lines if line.get("request_id")} <= by_id, (
        "other lines name a request there was"
    )
