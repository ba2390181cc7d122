"""A real vLLM through the gateway in every dialect: as our engine, and by URL, translated and in its own Messages.

One engine for all. Its weights are random: what it says is nothing, how it says it is exact where it is constrained.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
import yaml
from httpx import Response

from tests.real_gateway import RealGateway, served
from tests.vllm.door import door
from tests.vllm.thinking import CONTEXT, START, checkpoint, thinking_profile

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]
CHAT = "/v1/chat/completions"
SAID = [{"role": "user", "content": "hi"}]
CITY = {
    "type": "object", "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}}, "required": ["city"],
    "additionalProperties": False,
}  # fmt: skip
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
CHAT_TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "d", "parameters": CITY}},
    {"type": "function", "function": {"name": "other", "parameters": NOTHING}},
]
TOOLS = [{"name": "weather", "input_schema": CITY}, {"name": "other", "input_schema": NOTHING}]
QUIET = {"reasoning_effort": "none"}
STILL = {"thinking": {"type": "disabled"}}
NAMES = ("tiny", "translated")
"""Our engine, and the same server as somebody else's."""


def by_url(name: str, url: str, **fields: Any) -> str:
    """A server that somebody else runs, as one file."""
    engine = {"kind": "external", "url": f"{url}/v1", "served_model": "tiny", "thoughts": "reasoning", "slots": 8}
    variant = {"name": "url", "engine": engine | fields, "footprint": {"weights_bytes": 0}}
    return yaml.safe_dump({
        "id": name, "name": name, "modality": "llm", "tasks": ["chat", "completion"], "licence": "MIT",
        "open_weights": True, "context_tokens": 8192, "variants": [variant],
    })  # fmt: skip


@pytest.fixture(scope="module")
def gateway(vllm_python: Path, quick_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    weights = checkpoint(vllm_python, tmp_path_factory.mktemp("thinking"))
    tiny = thinking_profile(weights, "chat", "completion", tool_parser="hermes", reasoning_parser="qwen3")
    with served({"tiny": tiny}, first_event_timeout=120, data_dir=quick_data) as gateway:
        gateway.client.timeout = httpx.Timeout(START + 60)
        gateway.post("/api/load", {"model": "tiny"})
        socket = next((gateway.root / "t").glob("forebay-*/engine.sock"))
        with door(socket) as url:
            files = {"translated": by_url("translated", url), "native": by_url("native", url, dialects=["anthropic"])}
            for name, text in files.items():
                (gateway.root / "profiles" / f"{name}.yaml").write_text(text)
            gateway.until(lambda: len(gateway.get("/v1/models")["data"]) >= 3, "the profiles are read")
            yield gateway
            assert gateway.stop() == 0, (gateway.root / "log").read_text()


def ask(gateway: RealGateway, path: str, model: str, **fields: Any) -> Response:
    return gateway.client.post(path, json={"model": model, "messages": SAID} | fields)


def answer(gateway: RealGateway, model: str, **fields: Any) -> dict[str, Any]:
    got = ask(gateway, CHAT, model, **fields)
    assert got.status_code == 200, got.text
    return got.json()


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def message(gateway: RealGateway, model: str, **fields: Any) -> anthropic.types.Message:
    """By Anthropic's own client, whole."""
    client = anthropic.Anthropic(base_url=gateway.address, api_key="none", max_retries=0)
    given = {"model": model, "messages": SAID, "max_tokens": 200} | fields
    return client.messages.create(**given)


def streamed(gateway: RealGateway, model: str, **fields: Any) -> anthropic.types.Message:
    """By Anthropic's own client, put together from its events."""
    client = anthropic.Anthropic(base_url=gateway.address, api_key="none", max_retries=0)
    with client.messages.stream(**{"model": model, "messages": SAID, "max_tokens": 200} | fields) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize("model", NAMES)
def test_thoughts_come_under_the_name_that_clients_know(gateway: RealGateway, model: str) -> None:
    said = answer(gateway, model, max_tokens=5)["choices"][0]["message"]
    assert said["reasoning_content"]
    assert "reasoning" not in said
    text = ask(gateway, CHAT, model, max_tokens=5, stream=True).text
    assert text.endswith("data: [DONE]\n\n")
    deltas = [event["choices"][0]["delta"] for event in events(text) if event["choices"]]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas)
    assert not any("reasoning" in delta for delta in deltas)


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("fields", [QUIET, {"chat_template_kwargs": {"enable_thinking": False}}])
def test_thoughts_are_left_out_on_demand(gateway: RealGateway, model: str, fields: dict[str, Any]) -> None:
    said = answer(gateway, model, max_tokens=5, **fields)
    assert said["choices"][0]["message"]["content"]
    assert not said["choices"][0]["message"]["reasoning_content"]


@pytest.mark.parametrize("model", NAMES)
def test_openais_client_forces_calls_exactly(gateway: RealGateway, model: str) -> None:
    client = openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0)
    given: dict[str, Any] = {"model": model, "messages": SAID, "tools": CHAT_TOOLS, "max_tokens": 400} | QUIET
    named = {"type": "function", "function": {"name": "weather"}}
    (call,) = client.chat.completions.create(**given, tool_choice=named).choices[0].message.tool_calls or []
    assert (call.function.name, json.loads(call.function.arguments)["city"] in ("Paris", "Rome")) == ("weather", True)
    calls = client.chat.completions.create(**given, tool_choice="required").choices[0].message.tool_calls
    assert calls
    assert all(set(json.loads(one.function.arguments)) in ({"city"}, set()) for one in calls)
    with client.chat.completions.stream(**given, tool_choice=named) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls or []
    assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("stream", [False, True])
def test_a_schema_is_kept(gateway: RealGateway, model: str, *, stream: bool) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": CITY}}
    got = ask(gateway, CHAT, model, response_format=schema, max_tokens=200, stream=stream, **QUIET)
    if stream:
        text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events(got.text) if e["choices"])
    else:
        text = got.json()["choices"][0]["message"]["content"]
    assert json.loads(text)["city"] in ("Paris", "Rome")


@pytest.mark.parametrize("model", [*NAMES, "native"])
@pytest.mark.parametrize("make", [message, streamed])
@pytest.mark.parametrize("choice", [{"type": "tool", "name": "weather"}, {"type": "any"}])
def test_anthropics_client_forces_calls_exactly(
    gateway: RealGateway, model: str, make: Any, choice: dict[str, str]
) -> None:
    said = make(gateway, model, tools=TOOLS, tool_choice=choice, max_tokens=400, **STILL)
    calls = [block for block in said.content if block.type == "tool_use"]
    assert calls
    assert all(call.input in ({"city": "Paris"}, {"city": "Rome"}, {}) for call in calls)
    assert said.stop_reason == "tool_use"


@pytest.mark.parametrize("model", [*NAMES, "native"])
@pytest.mark.parametrize("make", [message, streamed])
def test_anthropics_client_reads_thoughts(gateway: RealGateway, model: str, make: Any) -> None:
    said = make(gateway, model, max_tokens=12)
    assert said.content[0].type == "thinking"
    assert said.stop_reason == "max_tokens"
    assert (said.usage.input_tokens, said.usage.output_tokens) != (0, 0)
    assert said.id.startswith("msg_") == (model != "native"), "vLLM's own are chatcmpl-"


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("stream", [False, True])
def test_responses_force_a_call(gateway: RealGateway, model: str, *, stream: bool) -> None:
    tools = [{"type": "function", "name": "weather", "parameters": CITY}]
    given = {
        "model": model, "input": "hi", "tools": tools, "tool_choice": {"type": "function", "name": "weather"},
        "reasoning": {"effort": "none"}, "stream": stream,
    }  # fmt: skip
    got = gateway.client.post("/v1/responses", json=given)
    assert got.status_code == 200, got.text
    done = events(got.text)[-1]["response"] if stream else got.json()
    assert done["status"] == "completed"
    (call,) = [item for item in done["output"] if item["type"] == "function_call"]
    assert json.loads(call["arguments"])["city"] in ("Paris", "Rome")


CONVERSATIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief."},
    {"tools": TOOLS},
    STILL,
    {"tools": TOOLS, **STILL},
    {
        "tools": TOOLS,
        "messages": [
            *SAID,
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "where is it?", "signature": "x"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}},
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rain"}]},
        ],
    },
]  # fmt: skip


@pytest.mark.parametrize("model", [*NAMES, "native"])
@pytest.mark.parametrize("fields", CONVERSATIONS, ids=lambda fields: ",".join(fields) or "plain")
def test_what_is_counted_is_what_is_read(gateway: RealGateway, model: str, fields: dict[str, Any]) -> None:
    client = anthropic.Anthropic(base_url=gateway.address, api_key="none", max_retries=0)
    counted = client.messages.count_tokens(**{"model": model, "messages": SAID} | fields).input_tokens
    usage = message(gateway, model, max_tokens=1, **fields).usage
    read = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    assert counted == read


@pytest.mark.parametrize("model", [*NAMES, "native"])
def test_more_tokens_than_there_are_is_all_there_are(gateway: RealGateway, model: str) -> None:
    end = {"ignore_eos": True}
    assert answer(gateway, model, max_tokens=32000, stop=["e"])["choices"][0]["finish_reason"] in ("stop", "length")
    text = gateway.post("/v1/completions", {"model": model, "prompt": "hi " * 400, "max_tokens": 32000} | end)
    assert text["usage"]["total_tokens"] == CONTEXT
    assert streamed(gateway, model, max_tokens=32000, stop_sequences=["e"]).stop_reason in (
        "stop_sequence",
        "max_tokens",
    )
    got = gateway.client.post("/v1/responses", json={"model": model, "input": "hi", "max_output_tokens": 32000})
    assert got.status_code == 200, got.text


@pytest.mark.parametrize("model", NAMES)
def test_a_prompt_that_is_too_long_says_so_in_each_dialect(gateway: RealGateway, model: str) -> None:
    long = [{"role": "user", "content": "hi there " * 600}]
    for stream in (False, True):
        got = ask(gateway, CHAT, model, messages=long, max_tokens=32000, stream=stream)
        assert (got.status_code, got.json()["error"]["code"]) == (400, "context_length_exceeded")
    longest = [{"role": "user", "content": "hi there " * 60_000}]
    for said in (long, longest):
        with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: 1025 tokens > 1024 maximum"):
            message(gateway, model, messages=said)


@pytest.mark.parametrize("name", ["cache_salt", "chat_template", "kv_transfer_params", "vllm_xargs", "priority"])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_nobody_reaches_into_the_engine(gateway: RealGateway, path: str, name: str) -> None:
    got = ask(gateway, path, "native", max_tokens=1, **{name: "x"})
    assert got.status_code == 400
    assert name in got.json()["error"]["message"]
