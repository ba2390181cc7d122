"""The official Python SDK, unmodified: what it makes of refusals, before any work is done, and of the headers."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.real_gateway import MODEL, RUNTIMES, SLOT_CONTEXT, RealGateway, real_gateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "f"}}
CUT = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"not": {}}}}},
}
MALFORMED: list[tuple[dict[str, object], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": "hello"}, "messages"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    ({"messages": [*HELLO, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
    ({"temperature": 3}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"top_p": 1.1}, "top_p"),
    ({"n": 0}, "n"),
    ({"n": 17}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_completion_tokens": -1}, "max_completion_tokens"),
    ({"stop": [""]}, "stop[0]"),
    ({"seed": 1.5}, "seed"),
    ({"logit_bias": {"cat": 1}}, "logit_bias"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"response_format": {"type": "yaml"}}, "response_format.type"),
    ({"response_format": CUT}, "response_format.json_schema.schema.properties.a"),
    ({"tools": [TOOL, TOOL]}, "tools[1].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
    ({"chat_template": "{{ x }}"}, "chat_template"),
]


def ask(client: openai.OpenAI, **fields: object) -> Any:
    """A chat whose fields may be anything: as ``extra_body``, past the SDK's own types."""
    return client.chat.completions.create(model=MODEL, messages=[], extra_body={"messages": HELLO, **fields})


@pytest.mark.parametrize(("fields", "param"), MALFORMED, ids=[str(fields) for fields, _ in MALFORMED])
def test_malformed_fields_are_named_before_any_work(
    fields: dict[str, object], param: str, client: openai.OpenAI, gateway: RealGateway
) -> None:
    before = gateway.until_idle()
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **fields)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.message
    assert gateway.counters() == before


def test_an_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="gpt-42")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")
    assert "gpt-42" in caught.value.message


@pytest.mark.parametrize("stream", [False, True])
def test_too_much_for_the_context_is_said_before_any_work(
    stream: bool, client: openai.OpenAI, gateway: RealGateway
) -> None:
    before = gateway.until_idle()
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, stream=stream, messages=[{"role": "user", "content": "word " * 2500}])
    assert (caught.value.param, caught.value.code) == ("messages", "context_length_exceeded")
    assert str(SLOT_CONTEXT) in caught.value.message
    assert gateway.counters() == before


def test_a_completion_and_an_embedding_too_long_for_the_context(client: openai.OpenAI) -> None:
    long = "word " * 2500
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=MODEL, prompt=long)
    assert (caught.value.param, caught.value.code) == ("prompt", "context_length_exceeded")
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=MODEL, input=["short", long])
    assert (caught.value.param, caught.value.code) == ("input[1]", "context_length_exceeded")


def test_media_and_other_endpoints_are_refused_in_words(client: openai.OpenAI) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, messages=[{"role": "user", "content": [picture]}])
    assert caught.value.param == "messages[0].content[0]"
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="hello")


@pytest.mark.parametrize(("ending", "hint"), [("/v1/v1", "leave it out"), ("", "ends in /v1")])
def test_a_wrong_base_url_is_said_so(ending: str, hint: str, client: openai.OpenAI, gateway: RealGateway) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client.with_options(base_url=gateway.address + ending))
    assert hint in caught.value.message


def test_headers_say_who_answered(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=1)
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-forebay-model"] == MODEL
    assert raw.headers["x-forebay-variant"] == "q4_1"
    assert raw.headers["x-forebay-where"] == "local"
    assert raw.headers["x-forebay-reason"]
    assert raw.headers["x-forebay-backend"]
    assert raw.headers["x-forebay-attempts"] == "1"
    answer = raw.parse()
    assert answer._request_id == raw.headers["x-request-id"]
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=HELLO, max_tokens=1, stream=True
    ) as streamed:
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert streamed.headers["x-request-id"] != raw.headers["x-request-id"]
        assert list(streamed.iter_lines())[-2:] == ["data: [DONE]", ""]


def test_an_error_names_its_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, temperature=9)
    assert caught.value.request_id is not None
    assert caught.value.request_id.startswith("req_")


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=RUNTIMES[:1])
def guarded(request: pytest.FixtureRequest) -> Iterator[RealGateway]:
    """A gateway with a key. It never gets to its engine, so one runtime says it all."""
    with real_gateway(request.param, key="sesame-1234", api_key="sesame-1234") as gateway:
        yield gateway


@pytest.mark.parametrize("key", ["wrong", "sesame-12345"])
def test_a_wrong_key_is_an_authentication_error(key: str, guarded: RealGateway) -> None:
    with openai.OpenAI(base_url=guarded.base_url, api_key=key, max_retries=0) as client:
        for call in (client.models.list, lambda: ask(client), lambda: client.embeddings.create(model=MODEL, input="x")):
            with pytest.raises(openai.AuthenticationError) as caught:
                call()
            assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")


def test_the_right_key_opens(guarded: RealGateway) -> None:
    with openai.OpenAI(base_url=guarded.base_url, api_key="sesame-1234", max_retries=0) as client:
        assert ask(client, max_tokens=1).choices
