"""A stream whose model is slow to load: a proper status while that is quick, life signs once it is not."""

import asyncio
import json
from pathlib import Path

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, events_of, loading_engine


def slow(tmp_path: Path) -> str:
    return engine_profile("m", "--hold-load", "--pid-file", str(tmp_path / "pid"))


async def test_life_signs_are_chunks_of_the_clients_protocol_and_then_the_answer_comes(tmp_path: Path) -> None:
    async with running_gateway({"m": slow(tmp_path)}, keepalive_after=0.05, keepalive_every=0.05) as gateway:
        async with gateway.client.stream("POST", CHAT, json=chat("m", stream=True)) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            pieces = response.aiter_text()
            text = ""
            while text.count("\n\n") < 3:
                text += await anext(pieces)
            for event in events_of(text):
                chunk = json.loads(event)
                assert chunk["object"] == "chat.completion.chunk"
                assert chunk["choices"] == [{"index": 0, "delta": {}, "finish_reason": None}]
            await (await loading_engine(tmp_path / "pid")).finish_loading()
            async for piece in pieces:
                text += piece
        events = events_of(text)
        assert events[-1] == "[DONE]"
        said = "".join(json.loads(e)["choices"][0]["delta"].get("content") or "" for e in events[:-1])
        assert said.startswith("water waits in the basin")
        assert gateway.in_flight() == 0


async def test_the_older_completions_get_their_own_kind(tmp_path: Path) -> None:
    async with running_gateway({"m": slow(tmp_path)}, keepalive_after=0.05, keepalive_every=0.05) as gateway:
        body = {"model": "m", "prompt": "hi", "stream": True}
        async with gateway.client.stream("POST", "/v1/completions", json=body) as response:
            async for text in response.aiter_text():
                event = json.loads(events_of(text)[0])
                assert (event["object"], event["choices"][0]["text"]) == ("text_completion", "")
                break


async def test_a_failure_before_the_first_life_sign_is_a_proper_status() -> None:
    async with running_gateway({"m": engine_profile("m", "--exit-at-load", "1")}, keepalive_after=30) as gateway:
        response = await gateway.client.post(CHAT, json=chat("m", stream=True))
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "load_failed"
        assert "retry-after" in response.headers


async def test_a_failure_after_it_is_an_event_and_no_good_end(tmp_path: Path) -> None:
    async with running_gateway({"m": slow(tmp_path)}, keepalive_after=0.05, keepalive_every=30) as gateway:
        async with gateway.client.stream("POST", CHAT, json=chat("m", stream=True)) as response:
            pieces = response.aiter_text()
            text = await anext(pieces)
            control = await loading_engine(tmp_path / "pid")
            leaving = asyncio.create_task(control.request("POST", "/fake/exit?code=3"))
            async for piece in pieces:
                text += piece
        await asyncio.gather(leaving, return_exceptions=True)
        assert response.status_code == 200
        *life, last = events_of(text)
        assert len(life) == 1
        assert json.loads(last)["error"]["code"] == "load_failed"
        assert "[DONE]" not in text


async def test_a_plain_request_waits_for_its_status_however_long_it_takes(tmp_path: Path) -> None:
    async with running_gateway({"m": slow(tmp_path)}, keepalive_after=0.01, keepalive_every=0.01) as gateway:
        answer = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
        await life_sign_of_another(gateway)
        await (await loading_engine(tmp_path / "pid")).finish_loading()
        response = await answer
        assert response.headers["content-type"] == "application/json"
        assert response.json()["choices"][0]["finish_reason"] == "stop"


async def life_sign_of_another(gateway: RunningGateway) -> None:
    async with gateway.client.stream("POST", CHAT, json=chat("m", stream=True)) as response:
        await anext(response.aiter_text())
