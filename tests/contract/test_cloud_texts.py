"""What providers of texts are sent, against what their makers' own clients send for the same call.

Every request reaches a server of ours on loopback, under the path of the provider's real address.
"""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from anthropic import AsyncAnthropic
from msgspec.structs import replace
from openai import AsyncOpenAI

from backends.cloud.anthropic import AnthropicProvider
from backends.cloud.client import CloudClient
from backends.cloud.offer import Offer
from backends.cloud.openai import OpenAIProvider
from backends.cloud.provider import Provider
from backends.contract import Call
from backends.translate.claude.terms import Terms
from gateway.catalog.load import load
from gateway.settings import default_profiles_dir
from tests.fakes.cloud import USAGE, FakeCloud, Sent, answer, chunk, completion, events

_CATALOG = load(default_profiles_dir()).catalog
assert _CATALOG is not None
PROVIDERS = _CATALOG.providers
OFFERS = [offer for profile in _CATALOG.profiles.values() if profile.modality == "llm" for offer in profile.cloud]
DOT = "data:image/png;base64,iVBORw0KGgo="
LOOK = {
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}
PICTURE = {"type": "image_url", "image_url": {"url": DOT}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What is it?"}, PICTURE]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "a dot"},
]
SAME: dict[str, Any] = {
    "messages": MESSAGES, "tools": [{"type": "function", "function": LOOK}], "temperature": 0.3, "top_p": 0.9,
    "response_format": {"type": "json_object"}, "stop": ["END"],
}  # fmt: skip
"""Goes to everybody as it came."""
PERSONAL = {"user": "ada", "metadata": {"team": "7"}, "safety_identifier": "x", "store": True, "service_tier": "flex"}
ENGINES: dict[str, Any] = {"top_k": 20, "min_p": 0.1, "repeat_penalty": 1.1}
HINTS: dict[str, Any] = {"seed": 7, "frequency_penalty": 0.1, "presence_penalty": 0.2, "reasoning_effort": "low"}
BOUND = {"max_tokens": 64}
PASSED: dict[str, Any] = {"top_k": 20, "min_p": 0.1, "repetition_penalty": 1.1}
NATIVE: dict[str, dict[str, Any]] = {
    "openai": HINTS | {"max_completion_tokens": 64},
    "google": HINTS | BOUND,
    "xai": HINTS | BOUND,
    "mistral": HINTS | BOUND | {"seed": None, "random_seed": 7},
    "cohere": HINTS | BOUND,
    "deepinfra": HINTS | BOUND | PASSED,
    "novita": HINTS | BOUND | PASSED,
    "together": HINTS | BOUND | PASSED,
    "fireworks": HINTS | BOUND | PASSED,
    "openrouter": HINTS | BOUND | PASSED,
    "sambanova": HINTS | BOUND | {"top_k": 20},
    "dashscope": HINTS | BOUND | {"top_k": 20, "min_p": 0.1},
    "minimax": HINTS | BOUND,
    "deepseek": HINTS | BOUND,
    "moonshot": HINTS | BOUND,
    "zai": BOUND,
}
"""How the same call is written in the words of each provider; what is ``None`` has no word there."""
UNASKED = {"mistral", "cohere"}
"""Who is not asked for the usage of a stream."""
ADDRESSES = {
    "openai": "api.openai.com/v1", "google": "generativelanguage.googleapis.com/v1beta/openai", "xai": "api.x.ai/v1",
    "mistral": "api.mistral.ai/v1", "cohere": "api.cohere.ai/compatibility/v1",
    "deepinfra": "api.deepinfra.com/v1/openai", "novita": "api.novita.ai/openai/v1", "together": "api.together.xyz/v1",
    "fireworks": "api.fireworks.ai/inference/v1", "openrouter": "openrouter.ai/api/v1",
    "sambanova": "api.sambanova.ai/v1", "dashscope": "dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "minimax": "api.minimax.io/v1", "deepseek": "api.deepseek.com", "moonshot": "api.moonshot.ai/v1",
    "zai": "api.z.ai/api/paas/v4",
}  # fmt: skip
WHOLE, STREAM = answer(completion()), events(chunk("x", "stop"), USAGE)
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "there", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Hello"}],
    "usage": {"input_tokens": 7, "output_tokens": 3},
}  # fmt: skip


@pytest.fixture
async def client() -> AsyncIterator[CloudClient]:
    made = CloudClient({each.auth.secret: "s3cret" for each in PROVIDERS.values() if each.auth is not None}.get)
    yield made
    await made.aclose()


def moved(provider: Provider, cloud: FakeCloud) -> Provider:
    """``provider`` with everything of its own but the host."""
    return replace(provider, base_url=f"http://127.0.0.1:{cloud.port}{urlsplit(provider.base_url or '').path}")


def model_of(provider: str) -> str:
    return next((o.model for o in OFFERS if o.provider == provider and o.state != "retired"), "a-model")


def chat(model: str, fields: dict[str, Any], *, stream: bool) -> Call:
    body = {"model": model, **fields} | ({"stream": True} if stream else {})
    return Call(
        path="/v1/chat/completions", body=json.dumps(body).encode(), stream=stream, answer_timeout=10.0,
        first_event_timeout=10.0, idle_timeout=10.0,
    )  # fmt: skip


async def asked_by_openai(base_url: str, model: str, fields: dict[str, Any], *, stream: bool) -> None:
    words = {"random_seed", "top_k", "min_p", "repetition_penalty"}
    extra = {name: value for name, value in fields.items() if name in words}
    plain = {name: value for name, value in fields.items() if name not in words and value is not None}
    async with AsyncOpenAI(base_url=base_url, api_key="s3cret", max_retries=0) as sdk:
        told = await sdk.chat.completions.create(model=model, stream=stream, extra_body=extra, **plain)
        if stream:
            async for _ in told:
                pass


def same(ours: Sent, theirs: Sent, *headers: str) -> None:
    body = theirs.fields
    if body.get("stream") is False:
        del body["stream"]
    assert (ours.method, ours.path, ours.fields) == (theirs.method, theirs.path, body)
    for name in ("content-type", *headers):
        assert ours.headers[name] == theirs.headers[name], name


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NATIVE)
async def test_a_chat_is_what_the_client_of_openai_would_send_there(
    client: CloudClient, name: str, stream: bool
) -> None:
    provider, model = PROVIDERS[name], model_of(name)
    assert provider.base_url == f"https://{ADDRESSES[name]}"
    given = SAME | HINTS | ENGINES | PERSONAL | {"max_tokens" if name == "openai" else "max_completion_tokens": 64}
    there = SAME | NATIVE[name]
    if stream and name not in UNASKED:
        there["stream_options"] = {"include_usage": True}
    async with FakeCloud.running(STREAM if stream else WHOLE) as cloud:
        here = moved(provider, cloud)
        reply = await OpenAIProvider(here, model, client).open(chat(model, given, stream=stream))
        async for _ in reply:
            pass
        await asked_by_openai(here.base_url or "", model, there, stream=stream)
    ours, theirs = cloud.sent
    same(ours, theirs, "authorization")


def test_every_provider_of_texts_is_held_against_a_client() -> None:
    kinds = {offer.provider: PROVIDERS[offer.provider].kind for offer in OFFERS}
    assert {name for name, kind in kinds.items() if kind == "openai"} <= NATIVE.keys()
    assert {name for name, kind in kinds.items() if kind != "openai"} == {"anthropic"}


CLAUDES = [offer for offer in OFFERS if offer.provider == "anthropic" and offer.state != "retired"]
SEEN = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT.partition(",")[2]}}
USED = {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": "it"}}
RESULT = {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "a dot"}]}
CLAUDE: dict[str, Any] = {
    "max_tokens": 2000, "system": [{"type": "text", "text": "Be brief."}], "stop_sequences": ["END"],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, SEEN]},
        {"role": "assistant", "content": [USED]}, {"role": "user", "content": [RESULT]},
    ],
    "tools": [{"name": "look", "description": "Looks.", "input_schema": LOOK["parameters"]}],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"},
}  # fmt: skip


def claude(cloud: FakeCloud, offer: Offer, client: CloudClient) -> AnthropicProvider:
    assert offer.output_tokens is not None
    terms = Terms(
        max_tokens=offer.output_tokens, thinking=offer.thinking, samples=offer.samples, late_system=offer.late_system,
        caches=offer.caches,
    )  # fmt: skip
    return AnthropicProvider(moved(PROVIDERS["anthropic"], cloud), offer.model, client, terms)


@pytest.mark.parametrize("offer", CLAUDES, ids=[offer.model for offer in CLAUDES])
@pytest.mark.parametrize("native", [False, True], ids=["chat", "messages"])
async def test_a_message_is_what_the_client_of_anthropic_would_send(
    client: CloudClient, offer: Offer, native: bool
) -> None:
    """Both dialects arrive as the same message. We speak an older version of the API, which has the key in a header of
    its own; the client's newest takes no temperature from any model.
    """
    assert PROVIDERS["anthropic"].base_url == "https://api.anthropic.com/v1"
    if native:
        asked = {"model": offer.model, "metadata": {"user_id": "ada"}} | CLAUDE
        call = Call(path="/v1/messages", body=json.dumps(asked).encode(), answer_timeout=10.0)
    else:
        fields = {"messages": MESSAGES, "tools": SAME["tools"], "tool_choice": "auto", "stop": ["END"]}
        fields |= {"max_completion_tokens": 2000, "reasoning_effort": "high", "temperature": 0.3, "user": "ada"}
        call = chat("ours", fields, stream=False)
    async with FakeCloud.running(answer(MESSAGE)) as cloud:
        await claude(cloud, offer, client).open(call)
        base_url = f"http://127.0.0.1:{cloud.port}"
        async with AsyncAnthropic(base_url=base_url, api_key="s3cret", max_retries=0) as sdk:
            await sdk.messages.create(model=offer.model, **CLAUDE)
    ours, theirs = cloud.sent
    assert (ours.path, ours.headers["anthropic-version"]) == ("/v1/messages", "2023-06-01")
    assert (ours.headers["x-api-key"], theirs.headers["authorization"]) == ("s3cret", "Bearer s3cret")
    assert "authorization" not in ours.headers
    same(ours, theirs)
