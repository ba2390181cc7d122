"""The Responses API through the whole gateway, over an engine that speaks chat only."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import control_of

URL = "/v1/responses"


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    profiles = {"m": engine_profile("m", extra="limits: {max_output_tokens: 50}")}
    async with running_gateway(profiles, keepalive_after=0.05, keepalive_every=0.05) as running:
        yield running


def order(**fields: object) -> str:
    """A message that tells the fake engine what to do."""
    return "fake: " + json.dumps(fields)


def events(answer: httpx.Response) -> list[dict]:
    lines = answer.text.splitlines()
    found = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    names = [line[7:] for line in lines if line.startswith("event: ")]
    assert names == [event["type"] for event in found], "clients go by the name"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def text_of(response: dict) -> str:
    return "".join(p["text"] for item in response["output"] if item["type"] == "message" for p in item["content"])


async def asked(gateway: RunningGateway, **fields: object) -> httpx.Response:
    return await gateway.client.post(URL, json={"model": "m"} | fields)


async def sent(gateway: RunningGateway) -> list[dict]:
    """The chat requests that reached the engine."""
    (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
    return [
        json.loads(call["body"]) if isinstance(call["body"], str) else call["body"]
        for call in await control_of(pid).calls()
    ]


async def test_a_plain_answer_and_what_it_is_made_of(gateway: RunningGateway) -> None:
    answer = await asked(gateway, input=order(tokens=3), instructions="Be short.", max_output_tokens=9999)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["object"], body["status"], body["instructions"]) == ("response", "completed", "Be short.")
    assert len(text_of(body).split()) == 3
    assert body["usage"]["output_tokens"] == 3
    assert answer.headers["x-forebay-model"] == "m"


async def test_the_events_of_a_stream_in_order(gateway: RunningGateway) -> None:
    answer = await asked(gateway, input=order(tokens=3), stream=True)
    found = events(answer)
    types = [event["type"] for event in found]
    while types[1:3] == ["response.in_progress"] * 2:
        del types[1]  # a life sign while the engine was loaded
    assert types[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert types[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    said = "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
    assert said == text_of(found[-1]["response"])


async def test_calls_come_back_under_the_names_they_were_declared_with(gateway: RunningGateway) -> None:
    spawn = {"type": "function", "name": "spawn", "parameters": {}}
    tools = [{"type": "namespace", "name": "agents", "tools": [spawn]}, {"type": "web_search"}]
    first = await asked(gateway, input="hello", tools=tools)
    flat = (await sent(gateway))[-1]["tools"]
    assert [tool["function"]["name"] for tool in flat] == ["agents__spawn"], "what cannot be served is left out"
    assert first.status_code == 200
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "agents__spawn", "arguments": '{"a":1}'},
    }
    chunks = [
        json.dumps({"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}}]}),
        json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ]
    found = events(await asked(gateway, input=order(events=chunks), tools=tools, stream=True))
    (item,) = found[-1]["response"]["output"]
    assert (item["type"], item["namespace"], item["name"], item["call_id"]) == (
        "function_call", "agents", "spawn", "call_1",
    )  # fmt: skip
    assert item["arguments"] == '{"a":1}'


async def test_a_conversation_that_is_kept_here(gateway: RunningGateway) -> None:
    first = (await asked(gateway, input=order(tokens=2))).json()
    second = await asked(gateway, input="and then?", previous_response_id=first["id"])
    assert second.status_code == 200, second.text
    messages = (await sent(gateway))[-1]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == text_of(first)
    third = await asked(gateway, input="more", previous_response_id=second.json()["id"])
    assert third.status_code == 200
    assert len((await sent(gateway))[-1]["messages"]) == 5
    stored = await gateway.client.get(f"{URL}/{first['id']}")
    assert stored.json() == first
    items = (await gateway.client.get(f"{URL}/{second.json()['id']}/input_items")).json()
    assert (len(items["data"]), items["has_more"]) == (3, False)
    assert (await gateway.client.delete(f"{URL}/{first['id']}")).json()["deleted"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")):
        gone = await gateway.client.request(method, f"{URL}/{first['id']}{path}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "response_not_found")
    lost = await asked(gateway, input="x", previous_response_id=first["id"])
    assert (lost.status_code, lost.json()["error"]["param"]) == (400, "previous_response_id")


async def test_what_is_not_to_be_stored_is_not(gateway: RunningGateway) -> None:
    first = (await asked(gateway, input="hello", store=False)).json()
    assert (await gateway.client.get(f"{URL}/{first['id']}")).status_code == 404
    streamed = events(await asked(gateway, input="hello", stream=True))[-1]["response"]
    assert (await gateway.client.get(f"{URL}/{streamed['id']}")).json()["id"] == streamed["id"]


async def test_a_warm_up_without_input(gateway: RunningGateway) -> None:
    assert (await asked(gateway, input="", max_output_tokens=1)).status_code in (200, 400)


async def test_an_upgrade_is_sent_back_to_http(gateway: RunningGateway) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-key": "x", "sec-websocket-version": "13"}
    answer = await gateway.client.get(URL, headers=headers)
    assert answer.status_code == 426


async def test_life_signs_while_there_is_nothing_to_say(gateway: RunningGateway) -> None:
    found = events(await asked(gateway, input=order(first_delay=0.6, tokens=1), stream=True))
    types = [event["type"] for event in found]
    assert types[0] == "response.created"
    assert types.count("response.created") == 1
    assert types[1:4] == ["response.in_progress"] * 3
    assert types[-1] == "response.completed"


async def test_failures_before_and_within_a_stream(gateway: RunningGateway) -> None:
    refused = await asked(gateway, input=order(status=400, message="no"), stream=True)
    assert refused.status_code == 400 or events(refused)[-1]["type"] == "response.failed"
    cut = events(await asked(gateway, input=order(tokens=5, cut_after=2), stream=True))
    assert cut[-1]["type"] == "response.failed"
    assert cut[-1]["response"]["error"]["code"]
    for body, param in (({"input": 1}, "input"), ({"input": [{"type": "function_call_output"}]}, None)):
        answer = await asked(gateway, **body)
        assert answer.status_code == 400, answer.text
        assert param is None or answer.json()["error"]["param"] == param


async def test_a_reference_stands_for_what_was_said(gateway: RunningGateway) -> None:
    first = (await asked(gateway, input=order(tokens=2))).json()
    named = {"type": "item_reference", "id": first["output"][0]["id"]}
    answer = await asked(gateway, input=[{"role": "user", "content": "hi"}, named, {"role": "user", "content": "on"}])
    assert answer.status_code == 200, answer.text
    assert (await sent(gateway))[-1]["messages"][1]["content"] == text_of(first)
    for unknown in ("msg_x", "msg_" + "0" * 50):
        refused = await asked(gateway, input=[{"type": "item_reference", "id": unknown}])
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input[0]"), refused.text
    for hostile in (
        {"id": None, "role": "user", "content": "hi"},
        1,
        None,
        {"type": "item_reference"},
        [],
        {"type": 3},
    ):
        assert (await asked(gateway, input=[hostile])).status_code in (200, 400), hostile
