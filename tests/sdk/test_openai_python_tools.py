"""The official Python SDK, unmodified: tools, whole and streamed, chosen and forced, and the way back with a result."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel, Field

from tests.real_gateway import MODEL

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

ASK = {"role": "user", "content": "What is the weather in Paris?"}
PLACE = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}


def tool(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": f"The {name}", "parameters": schema}}


WEATHER = tool("get_weather", PLACE)
TOOLS = [WEATHER, tool("get_time", PLACE)]
NAMED = {"type": "function", "function": {"name": "get_time"}}
ASKED: dict[str, Any] = {"model": MODEL, "messages": [ASK], "temperature": 0, "max_tokens": 100, "tools": TOOLS}


class GetTime(BaseModel):
    city: Annotated[str, Field(max_length=20)]


def past(cities: Iterable[str]) -> list[dict[str, Any]]:
    """A conversation in which every question was answered by a call: even a tiny model goes on like that."""
    said: list[dict[str, Any]] = []
    for number, city in enumerate(cities):
        called = {"name": "get_weather", "arguments": json.dumps({"city": city})}
        call = {"id": f"call_{number}", "type": "function", "function": called}
        said.append({"role": "user", "content": f"What is the weather in {city}?"})
        said.append({"role": "assistant", "content": None, "tool_calls": [call]})
    return said


def calls(answer: openai.types.chat.ChatCompletion) -> list[tuple[str, Any]]:
    """Name and decoded arguments of each call."""
    found = answer.choices[0].message.tool_calls or []
    assert all(isinstance(call, ChatCompletionMessageFunctionToolCall) and call.id for call in found)
    assert len({call.id for call in found}) == len(found)
    return [
        (call.function.name, json.loads(call.function.arguments))
        for call in found
        if isinstance(call, ChatCompletionMessageFunctionToolCall)
    ]


@pytest.mark.parametrize("choice", [{"tool_choice": "auto"}, {}])
def test_the_model_may_choose_to_call(choice: dict[str, Any], client: openai.OpenAI) -> None:
    messages = [*past(["Rome", "Oslo", "Cairo"]), ASK]
    answer = client.chat.completions.create(**ASKED | choice | {"messages": messages})
    assert calls(answer) == [("get_weather", {"city": "Paris"})]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert not answer.choices[0].message.content


def test_the_model_may_choose_not_to_call(client: openai.OpenAI) -> None:
    hello = [{"role": "user", "content": "What is 2+2?"}]
    answer = client.chat.completions.create(**ASKED | {"messages": hello, "max_tokens": 20})
    assert answer.choices[0].message.content
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason in {"stop", "length"}


def test_none_calls_nothing(client: openai.OpenAI) -> None:
    messages = [*past(["Rome", "Oslo", "Cairo"]), ASK]
    answer = client.chat.completions.create(**ASKED | {"messages": messages}, tool_choice="none")
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason != "tool_calls"


@pytest.mark.parametrize("offered", [{"tools": TOOLS, "tool_choice": "none"}, {"tools": openai.omit}])
def test_past_calls_stay_in_the_prompt_without_tools(offered: dict[str, Any], client: openai.OpenAI) -> None:
    costs = []
    for city in ("Rome", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"):
        called = past([city])[1]
        messages = [ASK, called, {"role": "tool", "tool_call_id": "call_0", "content": "rain"}, ASK]
        answer = client.chat.completions.create(**ASKED | offered | {"messages": messages, "max_tokens": 1})
        assert answer.usage is not None
        costs.append(answer.usage.prompt_tokens)
    assert costs[0] + 10 < costs[1]


@pytest.mark.parametrize("several", [True, False])
def test_required_calls_some_tool(several: bool, client: openai.OpenAI) -> None:
    hello = [{"role": "user", "content": "Hello there"}]
    answer = client.chat.completions.create(
        **ASKED | {"messages": hello, "max_tokens": 300}, tool_choice="required", parallel_tool_calls=several
    )
    message = answer.choices[0].message
    assert message.tool_calls
    assert not message.content
    if not several:
        (call,) = calls(answer)
        assert call[0] in {"get_weather", "get_time"}
        assert isinstance(call[1]["city"], str)
        assert answer.choices[0].finish_reason == "tool_calls"


def test_a_named_tool_is_called(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**ASKED, tool_choice=NAMED)
    ((name, arguments),) = calls(answer)
    assert name == "get_time"
    assert arguments.keys() == {"city"}
    assert answer.choices[0].finish_reason == "tool_calls"


def test_the_way_there_and_back(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(
        **ASKED, tool_choice={"type": "function", "function": {"name": "get_weather"}}
    )
    (call,) = first.choices[0].message.tool_calls or []
    result = {"role": "tool", "tool_call_id": call.id, "content": "It is 17 degrees and raining in Paris."}
    messages = [ASK, first.choices[0].message, result]
    second = client.chat.completions.create(**ASKED | {"messages": messages})
    assert second.choices[0].finish_reason == "stop"
    assert re.search("17|rain", second.choices[0].message.content or "")


def test_a_streamed_call_adds_up(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**ASKED, tool_choice=NAMED)
    names, identities, arguments, ended = [], [], "", None
    for chunk in client.chat.completions.create(**ASKED, tool_choice=NAMED, stream=True):
        (choice,) = chunk.choices
        for delta in choice.delta.tool_calls or ():
            assert delta.index == 0
            assert delta.function is not None
            names += [delta.function.name] if delta.function.name else []
            identities += [delta.id] if delta.id else []
            arguments += delta.function.arguments or ""
        ended = choice.finish_reason or ended
    assert (names, ended) == (["get_time"], "tool_calls")
    assert len(identities) == 1
    assert json.loads(arguments) == calls(whole)[0][1]


def test_the_stream_of_events_parses_arguments(client: openai.OpenAI) -> None:
    typed = openai.pydantic_function_tool(GetTime, name="get_time")
    with client.chat.completions.stream(**ASKED | {"tools": [typed]}, tool_choice=NAMED) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_completion().choices[0].message
    assert "tool_calls.function.arguments.delta" in kinds
    assert "tool_calls.function.arguments.done" in kinds
    assert message.tool_calls is not None
    assert isinstance(message.tool_calls[0].function.parsed_arguments, GetTime)


def test_a_schema_of_arguments_is_enforced(client: openai.OpenAI) -> None:
    unit = {"type": "string", "enum": ["celsius", "kelvin"]}
    days = {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 2, "maxItems": 2}
    schema = {"type": "object", "properties": {"unit": unit, "days": days}, "required": ["unit", "days"]}
    asked = ASKED | {"tools": [tool("forecast", schema)]}
    (call,) = calls(client.chat.completions.create(**asked, tool_choice="required", parallel_tool_calls=False))
    assert call[1]["unit"] in {"celsius", "kelvin"}
    assert len(call[1]["days"]) == 2
