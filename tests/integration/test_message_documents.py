"""PDFs in Messages: the model reads their text, wherever they stand; what cannot be read is refused by its field."""

import base64
import json
from collections.abc import AsyncIterator

import pytest

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import control_of
from tests.fakes.pdf_file import pdf_file


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway({"m": engine_profile("m")}) as running:
        yield running


def document(data: bytes) -> dict:
    source = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(data).decode()}
    return {"type": "document", "source": source, "title": "fish.pdf"}


async def read_by_the_model(gateway: RunningGateway, content: list[dict]) -> list[dict]:
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}
    answer = await gateway.client.post("/v1/messages", json=body)
    assert answer.status_code == 200, answer.text
    counted = await gateway.client.post("/v1/messages/count_tokens", json=body)
    assert counted.json()["input_tokens"] > 3
    (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
    assert pid is not None
    sent = [call["body"] for call in await control_of(pid).calls() if call["path"].endswith("completions")][-1]
    return (sent if isinstance(sent, dict) else json.loads(sent))["messages"]


async def test_a_document_is_read(gateway: RunningGateway) -> None:
    ask = {"type": "text", "text": "How many?"}
    (turn,) = await read_by_the_model(gateway, [document(pdf_file(["One fish", "Two fish"])), ask])
    assert turn["content"] == "fish.pdf\nPage 1:\nOne fish\n\nPage 2:\nTwo fish\n\nHow many?"


async def test_one_inside_the_result_of_a_tool_too(gateway: RunningGateway) -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [document(pdf_file(["One fish"]))]}
    turn = (await read_by_the_model(gateway, [result]))[-1]
    assert (turn["role"], turn["tool_call_id"]) == ("tool", "t1")
    assert "One fish" in turn["content"]


@pytest.mark.parametrize(
    ("data", "words"), [(b"%PDF-nothing", "no PDF that can be read"), (pdf_file([""]), "only pictures of it")]
)
async def test_what_cannot_be_read_is_refused_by_its_field(gateway: RunningGateway, data: bytes, words: str) -> None:
    content = [{"type": "text", "text": "Read"}, document(data)]
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}
    answer = await gateway.client.post("/v1/messages", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith("messages[0].content[1].source.data: ")
    assert words in error["message"]
