"""Anthropic's Python SDK, unmodified and strict, over a real model: words, counts, forced calls, schemas, overflows."""

import json
from typing import Any, Literal

import anthropic
import pytest
from anthropic.types import TextBlock, ToolUseBlock
from pydantic import BaseModel

from tests.real_gateway import MODEL, SLOT_CONTEXT

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

ASK: list[Any] = [{"role": "user", "content": "What is 2+2?"}]
ASKED: dict[str, Any] = {"model": MODEL, "max_tokens": 24, "messages": ASK, "extra_body": {"temperature": 0}}
PLACE = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
TOOLS: list[Any] = [{"name": name, "description": name, "input_schema": PLACE} for name in ("get_weather", "get_time")]


class City(BaseModel):
    continent: Literal["Europe", "Asia"]
    old: bool


def text(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


def test_a_stream_equals_the_whole_message(anthropic_client: anthropic.Anthropic) -> None:
    anthropic_client.messages.create(**ASKED)  # fills the cache: a prompt in one share or two may round otherwise
    whole = anthropic_client.messages.create(**ASKED)
    assert text(whole)
    with anthropic_client.messages.stream(**ASKED) as stream:
        said = "".join(stream.text_stream)
        gathered = stream.get_final_message()
    assert said == text(gathered) == text(whole)
    assert (gathered.stop_reason, gathered.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)


@pytest.mark.parametrize("tools", [anthropic.omit, TOOLS])
def test_what_is_counted_is_what_is_reported(tools: Any, anthropic_client: anthropic.Anthropic) -> None:
    counted = anthropic_client.messages.count_tokens(model=MODEL, messages=ASK, system="Be brief.", tools=tools)
    usage = anthropic_client.messages.create(**ASKED | {"max_tokens": 1}, system="Be brief.", tools=tools).usage
    assert counted.input_tokens == usage.input_tokens + (usage.cache_read_input_tokens or 0)


def test_an_answer_ends_where_it_is_told_to(anthropic_client: anthropic.Anthropic) -> None:
    short = anthropic_client.messages.create(**ASKED | {"max_tokens": 2})
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 2)
    whole = text(anthropic_client.messages.create(**ASKED))
    stop = whole[3:7]
    for stream in (False, True):
        asked = ASKED | {"stop_sequences": [stop]}
        if stream:
            with anthropic_client.messages.stream(**asked) as events:
                stopped = events.get_final_message()
        else:
            stopped = anthropic_client.messages.create(**asked)
        assert text(stopped) == whole[: whole.index(stop)]
        assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", stop)


@pytest.mark.parametrize("stream", [False, True])
def test_a_forced_call_has_the_arguments_of_its_schema(stream: bool, anthropic_client: anthropic.Anthropic) -> None:
    asked = ASKED | {"max_tokens": 100, "tools": TOOLS, "tool_choice": {"type": "tool", "name": "get_time"}}
    if stream:
        with anthropic_client.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = anthropic_client.messages.create(**asked)
    (call,) = answer.content
    assert isinstance(call, ToolUseBlock)
    assert (call.name, set(json.loads(json.dumps(call.input)))) == ("get_time", {"city"})
    assert answer.stop_reason == "tool_use"


def test_a_result_reaches_the_model(anthropic_client: anthropic.Anthropic) -> None:
    asked = ASKED | {"max_tokens": 60, "tools": TOOLS, "tool_choice": {"type": "tool", "name": "get_time"}}
    first = anthropic_client.messages.create(**asked)
    call = first.content[0]
    assert isinstance(call, ToolUseBlock)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "It is a quarter past five in the afternoon."}
    messages = [*ASK, first.to_param(), {"role": "user", "content": [result]}]
    second = anthropic_client.messages.create(**ASKED | {"messages": messages}, tools=TOOLS)
    before, after = (each.usage.input_tokens + (each.usage.cache_read_input_tokens or 0) for each in (first, second))
    assert after > before + 15


def test_a_schema_is_enforced(anthropic_client: anthropic.Anthropic) -> None:
    answer = anthropic_client.messages.parse(**ASKED | {"max_tokens": 60}, output_format=City)
    assert isinstance(answer.parsed_output, City)


def test_an_overflow_is_worded_as_clients_parse_it(anthropic_client: anthropic.Anthropic) -> None:
    long: list[Any] = [{"role": "user", "content": "word " * 2500}]
    for stream in (False, True):
        with pytest.raises(anthropic.BadRequestError) as caught:
            anthropic_client.messages.create(model=MODEL, max_tokens=16, messages=long, stream=stream)
        words = (caught.value.api_message or "").split()
        assert words[:4] == ["prompt", "is", "too", "long:"]
        assert (int(words[4]) > 2500, int(words[7])) == (True, SLOT_CONTEXT)
        assert caught.value.request_id


def test_more_than_the_context_leaves_is_less_not_a_refusal(anthropic_client: anthropic.Anthropic) -> None:
    assert text(anthropic_client.messages.create(**ASKED | {"max_tokens": 100_000}))


def test_the_model_is_known(anthropic_client: anthropic.Anthropic) -> None:
    assert [model.id for model in anthropic_client.models.list()] == [MODEL, f"anthropic/{MODEL}"]
    model = anthropic_client.models.retrieve("smollm2")
    assert (model.id, model.max_input_tokens) == (MODEL, SLOT_CONTEXT)
    assert model.capabilities is not None
    assert model.capabilities.structured_outputs.supported
    assert not model.capabilities.thinking.supported
