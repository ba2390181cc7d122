"""The official Python SDK, unmodified, on the Responses API over a real model: whole, streamed, and going on."""

import openai
import pytest

from tests.real_gateway import MODEL

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


def test_a_plain_answer(client: openai.OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="What is 2+2?", temperature=0, max_output_tokens=16)
    assert answer.output_text
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0
    assert answer.status in ("completed", "incomplete")


def test_a_stream_equals_the_plain_answer(client: openai.OpenAI) -> None:
    asked = {"model": MODEL, "input": "Say hello.", "temperature": 0, "max_output_tokens": 24}
    client.responses.create(**asked | {"max_output_tokens": 16})  # type: ignore[call-overload] # fills the cache
    found = list(client.responses.create(stream=True, **asked))  # type: ignore[call-overload]
    said = "".join(event.delta for event in found if event.type == "response.output_text.delta")
    assert found[-1].type in ("response.completed", "response.incomplete")
    assert found[-1].response.output_text == said
    assert client.responses.create(**asked).output_text == said  # type: ignore[call-overload]


def test_it_goes_on_from_what_is_stored(client: openai.OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="My name is Ada.", max_output_tokens=16)
    second = client.responses.create(
        model=MODEL, input="What is my name?", previous_response_id=first.id, max_output_tokens=16
    )
    assert second.previous_response_id == first.id
    assert second.usage is not None
    assert first.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens
    assert client.responses.retrieve(first.id).output_text == first.output_text
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_more_than_the_context_leaves_is_less_not_a_refusal(client: openai.OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="Say hello.", max_output_tokens=100_000, temperature=0)
    assert answer.output_text
