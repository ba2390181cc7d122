"""Anthropic's Messages through the whole gateway, over an engine that speaks chat only."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import control_of

URL = "/v1/messages?beta=true"
WEATHER = {"name": "weather", "description": "Of a city.", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    profiles = {"m": engine_profile("m", extra="limits: {max_output_tokens: 50}")}
    async with running_gateway(profiles, keepalive_after=0.05, keepalive_every=0.05) as running:
        yield running


def order(**fields: object) -> str:
    """A message that tells the fake engine what to do."""
    return "fake: " + json.dumps(fields)


def text_block(text: str) -> dict:
    return {"type": "text", "text": text}


def events(answer: httpx.Response) -> list[dict]:
    """Without life signs; blocks are opened and closed one after the other."""
    lines = answer.text.splitlines()
    found = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert [line[7:] for line in lines if line.startswith("event: ")] == [event["type"] for event in found]
    told = [event for event in found if event["type"] != "ping"]
    open_block = None
    count = 0
    for event in told:
        match event["type"]:
            case "content_block_start":
                assert (open_block, event["index"]) == (None, count)
                open_block = count
                count += 1
            case "content_block_delta":
                assert event["index"] == open_block
            case "content_block_stop":
                assert event["index"] == open_block
                open_block = None
    assert open_block is None or told[-1]["type"] == "error"
    return told


def message_of(told: list[dict]) -> list[dict]:
    """The blocks that a stream told, put together as a client does."""
    blocks: list[dict] = []
    for event in told:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"], json=""))
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], blocks[event["index"]]
            match delta["type"]:
                case "text_delta":
                    block["text"] += delta["text"]
                case "thinking_delta":
                    block["thinking"] += delta["thinking"]
                case "signature_delta":
                    block["signature"] += delta["signature"]
                case "input_json_delta":
                    block["json"] += delta["partial_json"]
    return blocks


async def asked(gateway: RunningGateway, content: object, **fields: object) -> httpx.Response:
    body = {"model": "m", "max_tokens": 32_000, "messages": [{"role": "user", "content": content}]} | fields
    return await gateway.client.post(URL, json=body, headers={"anthropic-version": "2023-06-01"})


async def sent(gateway: RunningGateway) -> dict:
    """The last chat request that reached the engine."""
    (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
    assert pid is not None
    body = (await control_of(pid).calls())[-1]["body"]
    return json.loads(body) if isinstance(body, str) else body


def chunk(delta: dict, finish: str | None = None) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def piece(index: int, text: str, name: str | None = None) -> dict:
    call: dict = {"index": index, "function": {"arguments": text}}
    if name is not None:
        call |= {"id": f"call_{index}", "type": "function"}
        call["function"]["name"] = name
    return call


async def test_a_plain_answer(gateway: RunningGateway) -> None:
    answer = await asked(gateway, order(tokens=3))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["type"], body["role"], body["stop_reason"], body["model"]) == ("message", "assistant", "end_turn", "m")
    assert len(body["content"][0]["text"].split()) == 3
    assert body["usage"]["output_tokens"] == 3
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert (await sent(gateway))["max_tokens"] == 50, "cut to what the profile allows"


async def test_a_stream(gateway: RunningGateway) -> None:
    told = events(await asked(gateway, order(tokens=3), stream=True))
    assert [event["type"] for event in told][:2] == ["message_start", "content_block_start"]
    assert [event["type"] for event in told][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert len(message_of(told)[0]["text"].split()) == 3
    assert told[-2]["delta"]["stop_reason"] == "end_turn"
    assert told[-2]["usage"]["output_tokens"] == 3


async def test_parallel_calls_whose_pieces_are_mixed(gateway: RunningGateway) -> None:
    chunks = [
        chunk({"role": "assistant", "reasoning_content": "Two cities."}),
        chunk({"content": "I look."}),
        chunk({"tool_calls": [piece(0, '{"a"', "weather"), piece(1, '{"b', "weather")]}),
        chunk({"tool_calls": [piece(1, '":2}')]}),
        chunk({"tool_calls": [piece(0, ":1}")]}),
        chunk({}, "tool_calls"),
    ]
    told = events(await asked(gateway, order(events=chunks), stream=True, tools=[WEATHER]))
    thought, words, first, second = message_of(told)
    assert (thought["thinking"], bool(thought["signature"]), words["text"]) == ("Two cities.", True, "I look.")
    assert (first["id"], first["name"], json.loads(first["json"])) == ("call_0", "weather", {"a": 1})
    assert (second["id"], second["name"], json.loads(second["json"])) == ("call_1", "weather", {"b": 2})
    assert told[-2]["delta"]["stop_reason"] == "tool_use"


async def test_a_turn_with_results_as_the_engine_reads_it(gateway: RunningGateway) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    messages = [
        {"role": "user", "content": "weather?"},
        {"role": "system", "content": [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "x"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "call_0", "name": "weather", "input": {"a": 1}},
            {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "text", "text": "and?"},
            {"type": "tool_result", "tool_use_id": "call_0", "content": "rain"},
            {"type": "tool_result", "tool_use_id": "call_1", "is_error": True, "content": [text_block("no")]},
        ]},
    ]  # fmt: skip
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=1"},
        {"type": "text", "text": "You help."},
    ]
    tools = [
        WEATHER,
        {"type": "web_search_20250305", "name": "web_search"},
        WEATHER | {"name": "late", "defer_loading": True},
    ]
    answer = await asked(gateway, "", messages=messages, system=system, tools=tools, tool_choice={"type": "any"})
    assert answer.status_code == 200, answer.text
    body = await sent(gateway)
    assert [(m["role"], m.get("content")) for m in body["messages"]] == [
        ("system", "You help."),
        ("user", "weather?\n\n<system>\nBe short.\n</system>"),
        ("assistant", "I look."),
        ("tool", "rain"),
        ("tool", "Error: no"),
        ("user", "and?"),
    ]
    assert [call["id"] for call in body["messages"][2]["tool_calls"]] == ["call_0", "call_1"]
    assert body["messages"][2]["reasoning_content"] == "Hm."
    assert ([tool["function"]["name"] for tool in body["tools"]], body["tool_choice"]) == (["weather"], "required")
    named = {"type": "tool_reference", "tool_name": "late"}
    results = [
        {"type": "tool_result", "tool_use_id": "call_0", "content": [named, picture]},
        {"type": "tool_result", "tool_use_id": "call_1", "content": None},
    ]
    again = [*messages[:3], {"role": "user", "content": results}]
    assert (await asked(gateway, "", messages=again, system="You help.", tools=tools)).status_code == 200
    later = await sent(gateway)
    assert later["messages"][:3] == body["messages"][:3], "what was said stays as it was"
    assert [tool["function"]["name"] for tool in later["tools"]] == ["weather", "late"]
    assert [part["type"] for part in later["messages"][-1]["content"]] == ["text", "image_url"]


async def test_life_signs_while_there_is_nothing_to_say(gateway: RunningGateway) -> None:
    answer = await asked(gateway, order(first_delay=0.6, tokens=1), stream=True)
    assert answer.text.count("event: ping") >= 3
    assert events(answer)[-1]["type"] == "message_stop"


async def test_refusals_in_the_dialects_own_shape(gateway: RunningGateway) -> None:
    for fields, status, kind in (
        ({"model": "nobody"}, 404, "not_found_error"),
        ({"max_tokens": None}, 400, "invalid_request_error"),
        ({"messages": []}, 400, "invalid_request_error"),
        ({"tool_choice": {"type": "tool", "name": "x"}}, 400, "invalid_request_error"),
    ):
        answer = await asked(gateway, "hi", **fields)
        body = answer.json()
        assert (answer.status_code, body["type"], body["error"]["type"]) == (status, "error", kind), answer.text
        assert body["request_id"] == answer.headers["request-id"]
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
    refused = await asked(gateway, [pdf])
    assert (refused.status_code, "PDF" in refused.json()["error"]["message"]) == (400, True)
    get = await gateway.client.get("/v1/messages")
    assert (get.status_code, get.json()["type"]) == (405, "error")


async def test_a_stream_that_breaks_says_so(gateway: RunningGateway) -> None:
    told = events(await asked(gateway, order(tokens=5, cut_after=2), stream=True))
    assert told[-1]["type"] == "error"
    assert told[-1]["error"]["type"] == "api_error"


async def test_an_overflow_in_the_words_that_clients_parse(gateway: RunningGateway) -> None:
    said = "This model's maximum context length is 8192 tokens, but the request needs 9001: 9000 in the prompt and 1."
    body = {"error": {"message": said, "type": "invalid_request_error", "code": "context_length_exceeded"}}
    answer = await asked(gateway, order(status=400, body=body, message=said))
    message = answer.json()["error"]["message"]
    assert answer.status_code == 400
    assert "maximum context length" in message or message.startswith("prompt is too long: 9001 tokens > 8192 maximum")


async def test_the_edge_refuses_in_the_dialect_too() -> None:
    async with running_gateway({"m": engine_profile("m")}, api_key="secret") as gateway:
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            answer = await gateway.client.post(path, json={})
            body = answer.json()
            assert (answer.status_code, body["type"], body["error"]["type"]) == (401, "error", "authentication_error")
        other = await gateway.client.post("/v1/chat/completions", json={})
        assert set(other.json()) == {"error"}


async def test_models_as_the_client_knows_them(gateway: RunningGateway) -> None:
    answer = await gateway.client.get("/v1/models?limit=1000", headers={"anthropic-version": "2023-06-01"})
    body = answer.json()
    assert (body["has_more"], body["first_id"]) == (False, body["data"][0]["id"])
    ids = [model["id"] for model in body["data"]]
    assert ids == ["m", "anthropic/m"], "the client keeps those whose names begin as its maker's do"
    assert body["data"][0]["max_input_tokens"] == 8192
    assert (await asked(gateway, "hi", model="anthropic/m")).status_code == 200
    assert "object" in (await gateway.client.get("/v1/models")).json()


async def test_tokens_are_counted_by_the_engine(gateway: RunningGateway) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}
    answer = await gateway.client.post("/v1/messages/count_tokens?beta=true", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"input_tokens": 3}


async def test_nothing_is_fetched_for_a_picture(gateway: RunningGateway) -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "http://127.0.0.1/x.png"}}
    assert (await asked(gateway, [picture])).status_code == 400
    answer = await gateway.client.post(
        "/v1/responses",
        json={"model": "m", "input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": "http://127.0.0.1/x.png"}
        ]}]},
    )  # fmt: skip
    assert answer.status_code == 400
