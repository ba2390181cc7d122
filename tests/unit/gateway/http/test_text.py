"""The text endpoints between client and engine: what is sent on, what is put in, what is refused for this model."""

import pytest

from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of, events_of

MESSAGES = [{"role": "user", "content": "hi"}]
LIMITS = "limits: {n: 2, max_output_tokens: 5}\ndefaults: {temperature: 0.7, max_tokens: 4}"


async def engine_of(gateway: RunningGateway, model: str = "m") -> FakeEngineControl:
    answer = await gateway.client.post("/api/load", json={"model": model})
    assert answer.status_code == 200, answer.text
    return control_of(gateway.services.runtime.running[f"{model}:only"].pid)


async def test_each_path_goes_to_its_own_on_the_engine():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        engine, post = await engine_of(gateway), gateway.client.post
        for path in (CHAT, "/v1/chat"):
            answer = await post(path, json={"model": "m", "messages": MESSAGES})
            assert answer.json()["choices"][0]["message"]["content"].startswith("water waits")
        answer = await post("/v1/completions", json={"model": "m", "prompt": "hi"})
        assert answer.json()["choices"][0]["text"].startswith("water waits")
        answer = await post("/v1/embeddings", json={"model": "m", "input": ["a", "b"]})
        assert len(answer.json()["data"]) == 2
        paths = [call["path"] for call in await engine.calls()]
        assert paths == [CHAT, CHAT, "/v1/completions", "/v1/embeddings"]


async def test_unknown_fields_and_nested_bytes_arrive_as_they_were_sent():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        engine = await engine_of(gateway)
        body = {
            "model": "m",
            "messages": [{"role": "user", "content": "hé \U0001f30a", "name": "n"}],
            "own": {"a": [1, 2.50]},
        }
        assert (await gateway.client.post(CHAT, json=body)).status_code == 200
        (call,) = await engine.calls()
        assert call["body"] == body


async def test_defaults_fill_what_the_client_left_out_and_nothing_else():
    async with running_gateway({"m": engine_profile("m", extra=LIMITS)}) as gateway:
        engine = await engine_of(gateway)
        rows = [
            ({}, {"temperature": 0.7, "max_tokens": 4}),
            ({"temperature": None, "max_tokens": None}, {"temperature": 0.7, "max_tokens": 4}),
            ({"temperature": 0, "max_tokens": 1}, {"temperature": 0, "max_tokens": 1}),
            ({"max_completion_tokens": 2}, {"temperature": 0.7, "max_completion_tokens": 2}),
        ]
        for sent, _ in rows:
            assert (
                await gateway.client.post(CHAT, json={"model": "m", "messages": MESSAGES, **sent})
            ).status_code == 200
        got = [
            {k: v for k, v in call["body"].items() if k not in ("model", "messages")} for call in await engine.calls()
        ]
        assert got == [filled for _, filled in rows]


async def test_embeddings_get_no_defaults():
    async with running_gateway({"m": engine_profile("m", extra=LIMITS)}) as gateway:
        engine = await engine_of(gateway)
        assert (await gateway.client.post("/v1/embeddings", json={"model": "m", "input": "x"})).status_code == 200
        assert (await engine.calls())[0]["body"] == {"model": "m", "input": "x"}


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        (CHAT, {"messages": MESSAGES, "n": 3}, "n", None),
        ("/v1/completions", {"prompt": "x", "n": 3}, "n", None),
        (CHAT, {"messages": MESSAGES, "max_tokens": 6}, "max_tokens", None),
        (CHAT, {"messages": MESSAGES, "max_completion_tokens": 6}, "max_completion_tokens", None),
        (CHAT, {"messages": MESSAGES, "grammar": "root ::= x"}, "grammar", None),
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://h/"}}]}]},
         "messages[0].content[0].image_url.url", None),
        ("/v1/embeddings", {"input": ""}, "input", None),
        ("/v1/completions", {"prompt": []}, "prompt", None),
    ],
)  # fmt: skip
async def test_what_this_model_does_not_do_is_refused_before_it_is_loaded(path, body, param, code):
    async with running_gateway({"m": engine_profile("m", extra=LIMITS)}) as gateway:
        answer = await gateway.client.post(path, json={"model": "m", **body})
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (400, param, code)
        assert not list(gateway.services.runtime.scheduler.occupants)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_post_is_allowed(method):
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for path in (CHAT, "/v1/chat", "/v1/completions", "/v1/embeddings", CHAT + "/"):
            answer = await gateway.client.request(method, path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


async def test_a_path_that_does_not_come_directly_is_served_the_same():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        assert (await gateway.client.post(CHAT + "/", json={"model": "m", "messages": MESSAGES})).status_code == 200


async def test_a_stream_is_relayed_event_by_event_with_its_usage():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        body = {"model": "m", "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}}
        answer = await gateway.client.post(CHAT, json=body)
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        events = events_of(answer.text)
        assert events[-1] == "[DONE]"
        assert '"usage"' in events[-2]
        scraped = (await gateway.client.get("/metrics")).text
        assert 'gateway_tokens_total{backend="external",model="m",type="output"} 8.0' in scraped
        assert 'gateway_open_streams{model="m"} 0.0' in scraped


async def test_an_answer_says_who_gave_it():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        first = await gateway.client.post(CHAT, json=chat("m"))
        second = await gateway.client.post(CHAT, json=chat("m"))
        assert first.headers["x-forebay-reason"].startswith("loaded: ")
        assert "free on host RAM" in first.headers["x-forebay-reason"]
        assert second.headers["x-forebay-reason"] == "resident"
        for name, value in (
            ("model", "m"),
            ("variant", "only"),
            ("backend", "external"),
            ("where", "local"),
            ("attempts", "1"),
        ):
            assert second.headers[f"x-forebay-{name}"] == value
        refused = await gateway.client.post(CHAT, json={**chat("m"), "n": 0})
        assert "x-forebay-model" not in refused.headers


async def test_no_engine_is_asked_for_more_tokens_than_its_context():
    async with running_gateway({"m": engine_profile("m", context=64)}) as gateway:
        engine = await engine_of(gateway)
        rows = [({"max_tokens": 32000}, 64), ({"max_completion_tokens": 65}, 64), ({"max_tokens": 64}, 64)]
        for sent, _ in rows:
            body = {"model": "m", "messages": MESSAGES, **sent}
            assert (await gateway.client.post(CHAT, json=body)).status_code == 200
        sent_on = [call["body"] for call in await engine.calls()]
        got = [body.get("max_tokens") or body.get("max_completion_tokens") for body in sent_on]
        assert got == [most for _, most in rows]
