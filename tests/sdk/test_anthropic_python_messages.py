"""Anthropic's Python SDK, unmodified and strict: messages whole and streamed, thoughts, schemas, counts, headers."""

from typing import Any

import anthropic
import pytest
from anthropic.types import TextBlock, ThinkingBlock
from pydantic import BaseModel

from tests.fakes.gateway import RunningGateway
from tests.fakes.gateway_process import control_of
from tests.sdk.saying import saying

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = saying(thought="They greet me.", text="Hello there.")


class City(BaseModel):
    name: str
    old: bool


def ask(content: str, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": content}], **fields}


async def sent(gateway: RunningGateway) -> dict[str, Any]:
    """The last request that reached the engine."""
    (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
    assert pid is not None
    return (await control_of(pid).calls())[-1]["body"]


async def test_a_whole_message(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    answer = await anthropic_sdk.messages.create(**ask(HELLO))
    thought, text = answer.content
    assert isinstance(thought, ThinkingBlock)
    assert (thought.thinking, bool(thought.signature)) == ("They greet me.", True)
    assert isinstance(text, TextBlock)
    assert text.text == "Hello there."
    assert (answer.stop_reason, answer.stop_sequence, answer.model) == ("end_turn", None, "m")
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (10, 20, 12)
    assert usage.output_tokens_details is not None
    assert usage.output_tokens_details.thinking_tokens == 4


async def test_a_stream_gathers_to_the_same(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    whole = await anthropic_sdk.messages.create(**ask(HELLO))
    async with anthropic_sdk.messages.stream(**ask(HELLO)) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        gathered = await stream.get_final_message()
    assert text == "Hello there."
    assert [block.to_dict() for block in gathered.content] == [block.to_dict() for block in whole.content]
    assert (gathered.stop_reason, gathered.usage) == (whole.stop_reason, whole.usage)


async def test_events_one_by_one(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    events = [event async for event in await anthropic_sdk.messages.create(stream=True, **ask(HELLO))]
    block = ["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"]
    signed = [*block[:3], "content_block_delta", "content_block_stop"]
    assert [event.type for event in events] == ["message_start", *signed, *block, "message_delta", "message_stop"]
    assert {event.index for event in events if event.type.startswith("content_block")} == {0, 1}


@pytest.mark.parametrize(("most", "reason"), [(12, "max_tokens"), (100, "model_context_window_exceeded")])
async def test_an_answer_that_was_cut_says_by_what(
    most: int, reason: str, anthropic_sdk: anthropic.AsyncAnthropic
) -> None:
    cut = ask(saying(text="Hello", finish="length")) | {"max_tokens": most}
    assert (await anthropic_sdk.messages.create(**cut)).stop_reason == reason
    async with anthropic_sdk.messages.stream(**cut) as stream:
        assert (await stream.get_final_message()).stop_reason == reason


async def test_a_schema_is_asked_for_and_parsed(
    anthropic_sdk: anthropic.AsyncAnthropic, scripted: RunningGateway
) -> None:
    said = saying(text='{"name": "Rome", "old": true}')
    parsed = await anthropic_sdk.messages.parse(output_format=City, **ask(said))
    assert parsed.parsed_output == City(name="Rome", old=True)
    asked = (await sent(scripted))["response_format"]
    assert asked["type"] == "json_schema"
    assert set(asked["json_schema"]["schema"]["properties"]) == {"name", "old"}


async def test_what_is_asked_reaches_the_model(
    anthropic_sdk: anthropic.AsyncAnthropic, scripted: RunningGateway
) -> None:
    await anthropic_sdk.messages.create(
        **ask(HELLO, system="Be brief.", stop_sequences=["END"], thinking={"type": "disabled"}),
        extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 7},
    )
    body = await sent(scripted)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["temperature"], body["top_p"], body["top_k"], body["stop"]) == (0.5, 0.9, 7, ["END"])
    assert (body["max_tokens"], body["reasoning_effort"]) == (100, "none")


async def test_what_was_said_can_be_sent_back(
    anthropic_sdk: anthropic.AsyncAnthropic, scripted: RunningGateway
) -> None:
    first = await anthropic_sdk.messages.create(**ask(HELLO))
    turns = [{"role": "user", "content": "Hi"}, first.to_param(), {"role": "user", "content": saying(text="Again.")}]
    second = await anthropic_sdk.messages.create(model="m", max_tokens=100, messages=turns)  # type: ignore[arg-type]
    assert isinstance(second.content[0], TextBlock)
    assert second.content[0].text == "Again."
    said = (await sent(scripted))["messages"][1]
    assert (said["content"], said["reasoning_content"]) == ("Hello there.", "They greet me.")


async def test_tokens_are_counted(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}
    assert (await anthropic_sdk.messages.count_tokens(**asked)).input_tokens == 3
    assert (await anthropic_sdk.beta.messages.count_tokens(**asked)).input_tokens == 3


async def test_the_beta_twin_says_the_same(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    answer = await anthropic_sdk.beta.messages.create(**ask(HELLO), betas=["interleaved-thinking-2025-05-14"])
    assert [block.type for block in answer.content] == ["thinking", "text"]
    async with anthropic_sdk.beta.messages.stream(**ask(HELLO)) as stream:
        assert (await stream.get_final_message()).stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True])
async def test_headers_name_the_request(stream: bool, anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    raw = await anthropic_sdk.messages.with_raw_response.create(stream=stream, **ask(HELLO))
    assert raw.headers["request-id"] == raw.headers["x-request-id"]
    assert raw.headers["request-id"].startswith("req_")
    assert raw.headers["x-forebay-model"] == "m"
    if not stream:
        assert (await raw.parse())._request_id == raw.headers["request-id"]


async def test_every_event_on_the_wire_has_its_name(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    async with anthropic_sdk.messages.with_streaming_response.create(**ask(HELLO), stream=True) as raw:
        lines = [line async for line in raw.iter_lines()]
    assert raw.headers["content-type"].startswith("text/event-stream")
    named = [line for line in lines if line.startswith("event: ")]
    assert (named[0], named[-1]) == ("event: message_start", "event: message_stop")
    assert len(named) == len([line for line in lines if line.startswith("data: ")])
