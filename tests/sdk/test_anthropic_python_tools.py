"""Anthropic's Python SDK, unmodified and strict: tools, several at once, forced ones, and the way back with results."""

from typing import Any

import anthropic
import pytest
from anthropic.types import ToolUseBlock

from tests.fakes.gateway import RunningGateway
from tests.fakes.gateway_process import control_of
from tests.sdk.saying import saying

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [
    {"name": name, "description": f"The {name}", "input_schema": PLACE} for name in ("get_weather", "get_time")
]
BOTH = saying(thought="Two.", text="I look.", calls=[("get_weather", {"city": "Rome"}), ("get_time", {"city": "Oslo"})])
CALLS = [("call_0", "get_weather", {"city": "Rome"}), ("call_1", "get_time", {"city": "Oslo"})]


def ask(content: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": "m", "max_tokens": 100, "messages": messages, "tools": TOOLS, **fields}


def calls(message: anthropic.types.Message) -> list[tuple[str, str, object]]:
    return [(block.id, block.name, block.input) for block in message.content if isinstance(block, ToolUseBlock)]


async def sent(gateway: RunningGateway) -> dict[str, Any]:
    """The last request that reached the engine."""
    (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
    assert pid is not None
    return (await control_of(pid).calls())[-1]["body"]


async def test_several_calls_in_one_answer(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    answer = await anthropic_sdk.messages.create(**ask(BOTH))
    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert calls(answer) == CALLS
    assert answer.stop_reason == "tool_use"


async def test_a_stream_whose_calls_are_mixed_gathers_to_the_same(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    async with anthropic_sdk.messages.stream(**ask(BOTH)) as stream:
        pieces = [event.partial_json async for event in stream if event.type == "input_json"]
        gathered = await stream.get_final_message()
    assert calls(gathered) == CALLS
    assert gathered.stop_reason == "tool_use"
    assert "".join(pieces) == '{"city": "Rome"}{"city": "Oslo"}', "one call is told to its end before the next"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "get_time"}, {"type": "function", "function": {"name": "get_time"}}),
    ],
)
async def test_choices(
    choice: Any, wanted: object, anthropic_sdk: anthropic.AsyncAnthropic, scripted: RunningGateway
) -> None:
    await anthropic_sdk.messages.create(**ask(saying(text="x"), tool_choice=choice))
    body = await sent(scripted)
    assert body["tool_choice"] == wanted
    assert [tool["function"]["name"] for tool in body["tools"]] == ["get_weather", "get_time"]
    assert body["tools"][0]["function"]["parameters"] == PLACE


async def test_one_at_a_time(anthropic_sdk: anthropic.AsyncAnthropic, scripted: RunningGateway) -> None:
    await anthropic_sdk.messages.create(
        **ask(saying(text="x"), tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    )
    assert (await sent(scripted))["parallel_tool_calls"] is False


async def test_a_choice_that_cannot_be_made_is_refused(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="there is no tool named 'fly'"):
        await anthropic_sdk.messages.create(**ask("x", tool_choice={"type": "tool", "name": "fly"}))


async def test_the_way_back_with_results(anthropic_sdk: anthropic.AsyncAnthropic, scripted: RunningGateway) -> None:
    first = await anthropic_sdk.messages.create(**ask(BOTH))
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "no such city", "is_error": True},
        {"type": "tool_result", "tool_use_id": "call_0", "content": [{"type": "text", "text": "rain"}]},
        {"type": "text", "text": saying(text="It rains.")},
    ]
    messages: list[Any] = [{"role": "user", "content": "?"}, first.to_param(), {"role": "user", "content": results}]
    second = await anthropic_sdk.messages.create(**ask("") | {"messages": messages})
    assert [block.to_dict()["text"] for block in second.content] == ["It rains."]
    told = (await sent(scripted))["messages"]
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "tool", "user"]
    assert [call["id"] for call in told[1]["tool_calls"]] == ["call_0", "call_1"]
    by_call = {message["tool_call_id"]: message["content"] for message in told if message["role"] == "tool"}
    assert by_call["call_0"] == "rain"
    assert by_call["call_1"].endswith("no such city")
    assert by_call["call_1"] != "no such city", "that it failed is told, too"


async def test_the_runner_calls_functions_and_goes_on(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    asked: list[str] = []

    @anthropic.beta_async_tool
    async def get_weather(city: str) -> str:
        """The weather.

        Args:
            city: Where.
        """
        asked.append(city)
        return saying(text=f"Rain in {city}.")

    runner = anthropic_sdk.beta.messages.tool_runner(
        model="m", max_tokens=100, tools=[get_weather],
        messages=[{"role": "user", "content": saying(calls=[("get_weather", {"city": "Rome"})])}],
    )  # fmt: skip
    last = await runner.until_done()
    assert asked == ["Rome"]
    assert [block.to_dict()["text"] for block in last.content] == ["Rain in Rome."]
