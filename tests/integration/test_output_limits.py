"""A profile's cap on the length of an answer holds for every way a client can ask, and for clients that do not ask."""

import pytest

from tests.fakes.gateway import engine_profile, running_gateway

CAP = "limits: {max_output_tokens: 3}"
MESSAGES = [{"role": "user", "content": "hello"}]


async def test_a_request_past_the_cap_is_refused_by_the_field_it_used():
    async with running_gateway({"m": engine_profile("m", extra=CAP)}) as gateway:
        for field in ("max_tokens", "max_completion_tokens"):
            body = {"model": "m", "messages": MESSAGES, field: 4}
            answer = await gateway.client.post("/v1/chat/completions", json=body)
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == field
        body = {"model": "m", "prompt": "hello", "max_tokens": 4}
        answer = await gateway.client.post("/v1/completions", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "max_tokens"


@pytest.mark.parametrize(
    ("profile", "asked", "tokens"),
    [
        (CAP, {}, 3),
        (CAP, {"max_tokens": None}, 3),
        (CAP, {"max_completion_tokens": None, "max_tokens": None}, 3),
        (CAP, {"max_tokens": 2}, 2),
        (CAP, {"max_completion_tokens": 2}, 2),
        (CAP + "\ndefaults: {max_tokens: 2}", {}, 2),
        (CAP + "\ndefaults: {max_tokens: 7}", {}, 3),
        ("defaults: {max_tokens: 5}", {"max_tokens": None}, 5),
        ("defaults: {max_tokens: 5}", {"max_tokens": 6}, 6),
        ("", {}, 8),
    ],
)
async def test_an_answer_is_as_long_as_the_profile_allows(profile, asked, tokens):
    async with running_gateway({"m": engine_profile("m", extra=profile)}) as gateway:
        body = {"model": "m", "messages": MESSAGES, **asked}
        answer = await gateway.client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200
        assert answer.json()["usage"]["completion_tokens"] == tokens
