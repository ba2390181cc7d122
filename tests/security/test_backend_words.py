"""A backend quotes a key in its refusal: clients of no dialect see it, neither in an answer nor late in a stream."""

import json
from typing import Any

import pytest

from tests.fakes.gateway import engine_profile, running_gateway

SECRET = "sk-canary-abcdefghijklmnop"
PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]


def body(path: str, **orders: object) -> dict[str, Any]:
    order = "fake: " + json.dumps({"status": 400, "message": f"bad key {SECRET}", **orders})
    if path == "/v1/responses":
        return {"model": "m", "input": order}
    return {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": order}]}


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_in_a_backends_words_is_not_shown(path: str) -> None:
    async with running_gateway({"m": engine_profile("m")}, keepalive_after=0.05, keepalive_every=0.1) as gateway:
        for stream, delay in ((False, 0), (True, 0), (True, 0.3)):
            answer = await gateway.client.post(path, json=body(path, first_delay=delay) | {"stream": stream})
            assert answer.status_code == (200 if delay else 400), "late ones come after the head"
            assert "bad key [redacted]" in answer.text
            assert SECRET not in answer.text
