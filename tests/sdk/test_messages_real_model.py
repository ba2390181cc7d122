"""Anthropic's Messages over a real model: what is counted is what an answer reports, streams equal plain answers."""

import json

import httpx
import pytest

from tests.real_gateway import MODEL, RealGateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
TOOL = {"name": "weather", "description": "Of a city.", "input_schema": {"type": "object", "properties": {}}}
ASKED = {
    "model": MODEL,
    "system": [{"type": "text", "text": "You are brief."}],
    "messages": [{"role": "user", "content": "Say hello."}],
    "temperature": 0,
}


def post(gateway: RealGateway, path: str, **fields: object) -> httpx.Response:
    answer = httpx.post(f"{gateway.base_url}{path}", json=ASKED | fields, timeout=90)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("tools", [None, [TOOL]])
def test_what_is_counted_is_what_an_answer_reports(gateway: RealGateway, tools: list[dict] | None) -> None:
    given = {} if tools is None else {"tools": tools}
    counted = post(gateway, "/messages/count_tokens", **given).json()["input_tokens"]
    usage = post(gateway, "/messages", max_tokens=4, **given).json()["usage"]
    assert counted == usage["input_tokens"] + usage["cache_read_input_tokens"]


def test_a_stream_equals_the_plain_answer(gateway: RealGateway) -> None:
    # How a prompt is cut into shares depends on the time, and its rounding on the cuts; with the prompt in the cache,
    # both requests compute its last token alone.
    post(gateway, "/messages", max_tokens=1)
    whole = post(gateway, "/messages", max_tokens=16).json()
    streamed = post(gateway, "/messages", max_tokens=16, stream=True).text
    found = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: ")]
    said = "".join(event["delta"].get("text", "") for event in found if event["type"] == "content_block_delta")
    assert said == whole["content"][0]["text"]
    assert found[-2]["delta"]["stop_reason"] == whole["stop_reason"]
    assert found[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


def test_an_overflow_is_said_with_its_numbers(gateway: RealGateway) -> None:
    messages = [{"role": "user", "content": "word " * 20_000}]
    answer = httpx.post(
        f"{gateway.base_url}/messages", json=ASKED | {"messages": messages, "max_tokens": 4}, timeout=90
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("prompt is too long: "), answer.text
