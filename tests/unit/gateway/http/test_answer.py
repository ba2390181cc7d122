"""What a client gets when an engine refuses, breaks or stalls, before and after the first event."""

import json

import pytest

from tests.fakes.gateway import engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of, events_of


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (400, 400, None),
        (404, 404, "model_not_found"),
        (413, 413, "request_too_large"),
        (418, 502, "upstream_error"),
        (422, 400, None),
        (429, 429, "upstream_rate_limited"),
        (500, 502, "upstream_error"),
        (503, 502, "upstream_error"),
    ],
)
async def test_an_engines_refusal_has_a_meaning_plain_or_streamed(status, answered, code):
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        order = f'fake: {{"status": {status}, "retry_after": 600}}'
        for stream in (False, True):
            answer = await gateway.client.post(CHAT, json=chat("m", order, stream=stream))
            assert (answer.status_code, answer.json()["error"]["code"]) == (answered, code)
            assert ("ordered by the test" in answer.text) == (status in (400, 404, 413, 422))
        assert gateway.in_flight() == 0


@pytest.mark.parametrize("order", ['{"cut_after": 3}', '{"hold": 3}'])
async def test_a_stream_that_breaks_ends_with_an_error_and_without_done(order):
    async with running_gateway({"m": engine_profile("m")}, idle_timeout=0.2) as gateway:
        answer = await gateway.client.post(CHAT, json=chat("m", f"fake: {order}", stream=True))
        assert answer.status_code == 200
        *before, last = events_of(answer.text)
        assert len(before) == 3, "what came before the break is the client's"
        assert '"error"' in last
        assert ("upstream_timeout" in last) == ("hold" in order)
        assert "[DONE]" not in answer.text
        assert gateway.in_flight() == 0


async def test_thoughts_come_under_the_name_that_clients_know_and_nothing_else_changes():
    named = engine_profile("m").replace("slots: 4", "slots: 4\n      thoughts: reasoning")
    delta = {"choices": [{"index": 0, "delta": {"reasoning": 'a {"reasoning":1', "content": ',"reasoning":'}}]}
    other = {"choices": [{"index": 0, "delta": {"content": "b"}}]}
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": '"reasoning":', "reasoning": "c"}}]}
    order = "fake: " + json.dumps({"events": [delta, other], "body": whole})
    async with running_gateway({"m": named, "plain": engine_profile("plain")}) as gateway:
        for model, name in (("m", "reasoning_content"), ("plain", "reasoning")):
            answer = await gateway.client.post(CHAT, json=chat(model, order, stream=True))
            first, second, done = events_of(answer.text)
            (said,) = json.loads(first)["choices"]
            assert said["delta"] == {name: 'a {"reasoning":1', "content": ',"reasoning":'}
            assert (json.loads(second), done) == (other, "[DONE]")
            answer = await gateway.client.post(CHAT, json=chat(model, order))
            message = answer.json()["choices"][0]["message"]
            assert message == {"role": "assistant", "content": '"reasoning":', name: "c"}


async def test_a_broken_request_to_an_engine_leaves_the_others_alone():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        engine = control_of(gateway.services.runtime.running["m:only"].pid)
        async with gateway.client.stream("POST", CHAT, json=chat("m", 'fake: {"hold": 3}', stream=True)) as good:
            await engine.wait("held")
            await gateway.client.post(CHAT, json=chat("m", 'fake: {"cut_after": 2}', stream=True))
            await engine.release()
            text = (await good.aread()).decode()
        assert events_of(text)[-1] == "[DONE]"


async def test_a_plain_answer_that_breaks_is_a_proper_status():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        answer = await gateway.client.post(CHAT, json=chat("m", 'fake: {"cut_after": 1}'))
        assert answer.status_code == 502
        assert gateway.in_flight() == 0
