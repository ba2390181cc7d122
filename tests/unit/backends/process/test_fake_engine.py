"""The fake engine keeps its word, since most integration tests rely on it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backends.process.ledger import Ledger
from backends.process.supervisor import EngineProcess
from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.engine_plan import fake_plan

CHAT = "/v1/chat/completions"


def chat(**fields: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": "hi"}], **fields}


def events(text: str) -> list[Any]:
    found = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(data) if data.startswith("{") else data for data in found]


@pytest.fixture
async def control(run_dir: Path) -> AsyncIterator[FakeEngineControl]:
    process = await EngineProcess.start(fake_plan(run_dir, "--model", "m"), Ledger(run_dir / "engines"))
    await process.wait_ready()
    yield FakeEngineControl(process.plan.socket)
    await process.stop()


async def test_a_chat_stream(control: FakeEngineControl):
    body = chat(stream=True, max_tokens=2, stream_options={"include_usage": True})
    status, text = await control.request("POST", CHAT, body)
    *chunks, usage, done = events(text)
    assert (status, done) == (200, "[DONE]")
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "water waits"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert usage["usage"]["completion_tokens"] == 2


async def test_plain_answers(control: FakeEngineControl):
    _, answer = await control.request("POST", CHAT, chat(fake={"tokens": 3}))
    assert answer["choices"][0]["message"]["content"] == "water waits in"
    _, answer = await control.request("POST", "/v1/completions", {"prompt": "x", "max_tokens": 1})
    assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "water")
    _, answer = await control.request("POST", "/v1/embeddings", {"input": ["a", "bb"]})
    assert [len(item["embedding"]) for item in answer["data"]] == [8, 8]
    assert (await control.request("POST", "/tokenize", {"content": "three small words"}))[1] == {"tokens": [0, 1, 2]}
    assert (await control.request("GET", "/props"))[1]["default_generation_settings"]["n_ctx"] == 8192
    assert (await control.request("GET", "/v1/models"))[1]["data"][0]["id"] == "m"
    assert (await control.request("POST", "/v1/other", {}))[0] == 404
    assert (await control.request("POST", CHAT, "no object"))[0] == 400


async def test_orders_by_every_way_in(control: FakeEngineControl):
    status, _ = await control.request("POST", CHAT, chat(), {"x-fake-status": "429", "x-fake-retry-after": "7"})
    assert status == 429
    assert (await control.request("POST", CHAT, {"messages": [{"content": 'fake: {"status": 503}'}]}))[0] == 503
    assert (await control.request("POST", "/v1/embeddings", {"input": 'fake: {"status": 400}'}))[0] == 400
    await control.orders(tokens=1)
    assert (await control.request("POST", CHAT, chat()))[1]["usage"]["completion_tokens"] == 1
    assert (await control.request("POST", CHAT, chat(fake={"tokens": 2})))[1]["usage"]["completion_tokens"] == 2
    _, text = await control.request("POST", CHAT, chat(stream=True, fake={"events": ['{"odd": 1}', "rubbish"]}))
    assert events(text) == [{"odd": 1}, "rubbish", "[DONE]"]
    assert (await control.request("POST", CHAT, chat(fake={"body": {"odd": 2}})))[1] == {"odd": 2}
    _, text = await control.request("POST", CHAT, chat(stream=True, fake={"garbage": 1, "gap": 0.001, "tokens": 1}))
    assert "not an event" in text


async def test_a_hold_lasts_until_released_and_a_second_stream_passes_it(control: FakeEngineControl):
    held = asyncio.create_task(control.request("POST", CHAT, chat(stream=True, fake={"hold": 2})))
    (call,) = await control.wait("held")
    assert call["events"] == 2
    assert (await control.request("POST", CHAT, chat(stream=True)))[0] == 200
    assert not held.done()
    await control.release()
    assert events((await held)[1])[-1] == "[DONE]"
    assert [call["closed_at"] for call in await control.wait("finished", 2)] == [None, None]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_is_seen_and_the_work_stops(control: FakeEngineControl, stream: bool):
    request = asyncio.create_task(control.request("POST", CHAT, chat(stream=stream, fake={"hold": 0})))
    await control.wait("held")
    request.cancel()
    (call,) = await control.wait("closed")
    assert (call["events"], call["finished_at"]) == (0, None)
    assert call["closed_at"] >= call["held_at"] >= call["received_at"]


async def test_a_cut_is_no_end(control: FakeEngineControl):
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await control.request("POST", CHAT, chat(stream=True, fake={"cut_after": 2}))


async def test_requests_in_pieces_on_one_connection(control: FakeEngineControl):
    reader, writer = await asyncio.open_unix_connection(str(control.socket))
    body = json.dumps(chat(fake={"tokens": 1})).encode()
    request = b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body)
    for piece in (request[:20], request[20:-5], request[-5:] + request):
        writer.write(piece)
        await writer.drain()
    for _ in range(2):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    assert len(await control.calls()) == 2
    writer.close()
