"""A secret in every place a request has, then a sweep of everything the gateway wrote or showed: it must not be there.

A real process at DEBUG with its access log on; the engine quotes what it was sent in its errors, as engines do.
"""

import json
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.gateway import engine_profile
from tests.fakes.gateway_process import CHAT, GatewayProcess

OPERATOR = "operator-canary-0a1b2c3d4e"
WRONG = "wrong-canary-5f6a7b8c9d"
PROMPT = "the vault code is canary77prompt and my dog is called Bartholomew"
TOOL = "open sesame canary88tool says the forty thieves"
USER = "canary99user"
HEADER = "canary66header"
QUERY = "canary55query"
ENGINE = "sk-canary44engineabcdefghijkl"
PRINTED = "hf_canary33printedabcdefghijkl"
NAME = "canary22model"
CANARIES = {
    "operator's key": OPERATOR, "wrong key": WRONG, "prompt": "canary77prompt", "prompt's words": "Bartholomew",
    "tool's words": "forty thieves", "tool arguments": "canary88tool", "user": USER, "header": HEADER, "query": QUERY,
    "engine's error": ENGINE, "engine's output": PRINTED, "model's name": NAME,
}  # fmt: skip
SEEN_BY_OPERATORS = (
    "/metrics",
    "/api/ps",
    "/api/devices",
    "/api/queue",
    "/api/decisions",
    "/api/catalog",
    "/api/explain?model=m",
    "/v1/models",
)


@pytest.fixture(params=["json", "text"])
async def gateway(request) -> AsyncIterator[GatewayProcess]:
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as folder:
        made = GatewayProcess(
            Path(folder),
            {"m": engine_profile("m", "--load-message", f"token {PRINTED}")},
            api_key=OPERATOR, access_log="true", log_level="DEBUG", log_format=request.param,
        )  # fmt: skip
        await made.start()
        yield made
        await made.close()


def body(**orders: object) -> dict:
    """A chat with a canary in each part; what the engine is to do is in the last message."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"say": TOOL})}}
    return {
        "model": "m",
        "user": USER,
        "messages": [
            {"role": "system", "content": PROMPT},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": TOOL},
            {"role": "user", "content": f"fake: {json.dumps(orders)}"},
        ],
    }


def found_in(text: str) -> list[str]:
    low = text.lower()
    return [place for place, canary in CANARIES.items() if canary.lower() in low]


def quoting() -> list[dict]:
    """Errors as engines make them: with the prompt, the tool's arguments and a secret of theirs."""
    said = f"cannot render '{PROMPT}' with {json.dumps({'say': TOOL})} for {USER}, key {ENGINE}"
    statuses = (400, 404, 413, 422, 429, 500, 503, 418)
    return [{"status": status, "message": said, "retry_after": 600} for status in statuses]


async def errors_that_quote(gateway: GatewayProcess, post) -> None:
    """Ordered behind the gateway's back: an order inside the request would be words of the request too."""
    _, engine = await gateway.load("m")
    for orders in quoting():
        await engine.orders(**orders)
        for stream in (False, True):
            await post({**body(), "stream": stream})
    await engine.orders()


async def test_no_canary_is_written_or_shown(gateway: GatewayProcess):
    client = gateway.client
    client.headers = {"authorization": f"Bearer {OPERATOR}", "x-own": HEADER, "cookie": f"session={HEADER}"}
    shown: dict[str, str] = {}

    async def post(sent: dict, **headers: str) -> int:
        answer = await client.post(f"{CHAT}?key={QUERY}", json=sent, headers=headers)
        shown["headers"] = shown.get("headers", "") + str(answer.headers)
        assert ENGINE not in answer.text
        assert OPERATOR not in answer.text
        return answer.status_code

    assert await post(body()) == 200
    await errors_that_quote(gateway, post)
    await post({**body(), "stream": True, "stream_options": {"include_usage": True}})
    await post({**body(cut_after=2), "stream": True})
    await post({**body(garbage=2, exit_after=3), "stream": True})
    await post({**body(), "model": NAME})
    await post({**body(), "temperature": PROMPT})
    await post({**body(), "chat_template": PROMPT})
    for presented in ({"authorization": f"Bearer {WRONG}"}, {"authorization": f"Basic {WRONG}"}):
        assert await post(body(), **presented) == 401
    await client.post(CHAT, content=b"{broken " + PROMPT.encode(), headers={"content-type": "application/json"})
    await client.get(f"/v1/models/{ENGINE}")
    await client.get(f"/nowhere?token={QUERY}")
    for path in SEEN_BY_OPERATORS:
        answer = await client.get(path)
        assert answer.status_code == 200
        shown[path] = answer.text + str(answer.headers)
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    log = shown["log"] = gateway.errors.decode()
    for path in gateway.root.rglob("*"):
        if path.is_file() and path.parent.name != "profiles":
            shown[path.name] = path.read_bytes().decode("latin-1")
    assert {"forebay.db", "log", "/metrics"} <= shown.keys()
    assert log.count(CHAT) >= 20, "the access log was on"
    assert "cannot render" in log or log[0] != "{", "the engine's own words are there to be read"
    assert {place: hits for place, text in shown.items() if (hits := found_in(text))} == {}
