"""The official Python SDK, unmodified and strict, on the Responses API: events, thoughts, schemas, ends, failures."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.fakes.gateway import RunningGateway
from tests.fakes.gateway_process import control_of
from tests.sdk.saying import saying

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = saying(thought="They greet me.", text="Hello there.")


class City(BaseModel):
    name: str
    old: bool


async def events(sdk: openai.AsyncOpenAI, content: str, **fields: Any) -> list[Any]:
    stream = await sdk.responses.create(model="m", input=content, stream=True, **fields)
    return [event async for event in stream]


async def test_a_stream_gathers_to_the_whole(openai_sdk: openai.AsyncOpenAI) -> None:
    whole = await openai_sdk.responses.create(model="m", input=HELLO)
    found = await events(openai_sdk, HELLO)
    assert [event.sequence_number for event in found] == list(range(len(found)))
    assert (found[0].type, found[1].type, found[-1].type) == (
        "response.created", "response.in_progress", "response.completed",
    )  # fmt: skip
    last = found[-1].response
    assert last.output_text == whole.output_text == "Hello there."
    assert [item.type for item in last.output] == [item.type for item in whole.output] == ["reasoning", "message"]
    assert last.usage == whole.usage
    assert whole.usage is not None
    assert (whole.usage.input_tokens_details.cached_tokens, whole.usage.output_tokens_details.reasoning_tokens) == (
        20,
        4,
    )
    assert "".join(event.delta for event in found if event.type == "response.reasoning_text.delta") == "They greet me."


async def test_a_summary_for_who_wants_one(openai_sdk: openai.AsyncOpenAI) -> None:
    found = await events(openai_sdk, HELLO, reasoning={"summary": "auto"})
    said = "".join(event.delta for event in found if event.type == "response.reasoning_summary_text.delta")
    assert said == "They greet me."
    assert found[-1].response.output[0].summary[0].text == said


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_was_cut_is_incomplete(stream: bool, openai_sdk: openai.AsyncOpenAI) -> None:
    cut = saying(text="Hello", finish="length")
    if stream:
        last = (await events(openai_sdk, cut))[-1]
        assert last.type == "response.incomplete"
        answer = last.response
    else:
        answer = await openai_sdk.responses.create(model="m", input=cut)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


async def test_one_that_breaks_has_failed(openai_sdk: openai.AsyncOpenAI) -> None:
    found = await events(openai_sdk, saying(text="Hello there", cut_after=2))
    assert found[-1].type == "response.failed"
    assert (found[-1].response.status, bool(found[-1].response.error.message)) == ("failed", True)
    assert "response.completed" not in {event.type for event in found}


async def test_a_schema_is_asked_for_and_parsed(openai_sdk: openai.AsyncOpenAI, scripted: RunningGateway) -> None:
    said = saying(text='{"name": "Rome", "old": true}')
    parsed = await openai_sdk.responses.parse(model="m", input=said, text_format=City)
    assert parsed.output_parsed == City(name="Rome", old=True)
    async with openai_sdk.responses.stream(model="m", input=said, text_format=City) as stream:
        assert (await stream.get_final_response()).output_parsed == City(name="Rome", old=True)
    (pid,) = [running.pid for running in scripted.services.runtime.running.values()]
    assert pid is not None
    asked = (await control_of(pid).calls())[-1]["body"]["response_format"]
    assert (asked["type"], asked["json_schema"]["name"], asked["json_schema"]["strict"]) == (
        "json_schema",
        "City",
        True,
    )


async def test_what_was_asked_is_echoed(openai_sdk: openai.AsyncOpenAI) -> None:
    answer = await openai_sdk.responses.create(
        model="m", input=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": HELLO}],
        instructions="Be kind.", temperature=0.5, top_p=0.9, max_output_tokens=50, metadata={"a": "b"}, store=False,
        user="u", truncation="disabled", reasoning={"effort": "low"},
    )  # fmt: skip
    assert (answer.instructions, answer.temperature, answer.top_p) == ("Be kind.", 0.5, 0.9)
    assert (answer.max_output_tokens, answer.metadata, answer.model) == (50, {"a": "b"}, "m")
    assert answer.reasoning is not None
    assert answer.reasoning.effort == "low"


async def test_refusals(openai_sdk: openai.AsyncOpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.NotFoundError) as unknown:
            await openai_sdk.responses.create(model="nope", input="x", stream=stream)
        assert (unknown.value.param, unknown.value.code) == ("model", "model_not_found")
        with pytest.raises(openai.BadRequestError) as wrong:
            await openai_sdk.responses.create(model="m", input="x", temperature=9, stream=stream)
        assert wrong.value.param == "temperature"
        assert wrong.value.request_id == wrong.value.response.headers["x-request-id"]
