"""The official Python SDK, unmodified and strict, on the Responses API: tools of each kind, whole and streamed."""

from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseCustomToolCall, ResponseFunctionToolCall

from tests.fakes.gateway import RunningGateway
from tests.fakes.gateway_process import control_of
from tests.sdk.saying import saying

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name, "description": name, "parameters": PLACE, "strict": False}


TOOLS: list[Any] = [
    function("weather"),
    {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [function("find")]},
    {"type": "custom", "name": "shell", "description": "Runs it."},
    {"type": "web_search"},
]
CALLED = saying(
    thought="Three.", text="I look.",
    calls=[("weather", {"city": "Rome"}), ("crm__find", {"city": "Oslo"}), ("shell", {"input": "ls"})],
)  # fmt: skip
WANTED = [
    ("function_call", "weather", None, '{"city": "Rome"}'),
    ("function_call", "find", "crm", '{"city": "Oslo"}'),
    ("custom_tool_call", "shell", None, "ls"),
]


def calls(response: Response) -> list[tuple[str, str, str | None, str]]:
    return [
        (
            item.type,
            item.name,
            item.namespace,
            item.input if isinstance(item, ResponseCustomToolCall) else item.arguments,
        )
        for item in response.output
        if isinstance(item, ResponseFunctionToolCall | ResponseCustomToolCall)
    ]


async def sent(gateway: RunningGateway) -> dict[str, Any]:
    """The last request that reached the engine."""
    (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
    assert pid is not None
    return (await control_of(pid).calls())[-1]["body"]


async def test_each_kind_is_called(openai_sdk: openai.AsyncOpenAI, scripted: RunningGateway) -> None:
    answer = await openai_sdk.responses.create(model="m", input=CALLED, tools=TOOLS)
    assert calls(answer) == WANTED
    assert (answer.status, answer.output_text) == ("completed", "I look.")
    offered = [tool["function"]["name"] for tool in (await sent(scripted))["tools"]]
    assert offered == ["weather", "crm__find", "shell"], "what only another server runs is not offered"


async def test_a_stream_whose_calls_are_mixed_gathers_to_the_same(openai_sdk: openai.AsyncOpenAI) -> None:
    async with openai_sdk.responses.stream(model="m", input=CALLED, tools=TOOLS) as stream:
        events = [event async for event in stream]
        gathered = await stream.get_final_response()
    assert calls(gathered) == WANTED
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == sorted(set(numbers))
    done = [event.arguments for event in events if event.type == "response.function_call_arguments.done"]
    assert done == ['{"city": "Rome"}', '{"city": "Oslo"}']
    inputs = [event.input for event in events if event.type == "response.custom_tool_call_input.done"]
    assert inputs == ["ls"]
    added = [event.output_index for event in events if event.type == "response.output_item.added"]
    assert added == list(range(5))


async def test_what_was_called_can_be_sent_back(openai_sdk: openai.AsyncOpenAI, scripted: RunningGateway) -> None:
    first = await openai_sdk.responses.create(model="m", input=CALLED, tools=TOOLS, store=False)
    results: list[Any] = [
        {"type": "function_call_output", "call_id": "call_0", "output": "rain"},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "nobody"}]},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "a.txt"},
    ]
    said: list[Any] = [{"role": "user", "content": "?"}, *(item.to_dict() for item in first.output), *results]
    asked = [*said, {"role": "user", "content": saying(text="It rains.")}]
    second = await openai_sdk.responses.create(model="m", input=asked, tools=TOOLS, store=False)
    assert second.output_text == "It rains."
    told = (await sent(scripted))["messages"]
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "tool", "tool", "user"]
    assert [call["function"]["name"] for call in told[1]["tool_calls"]] == ["weather", "crm__find", "shell"]
    assert [message["content"] for message in told[2:5]] == ["rain", "nobody", "a.txt"]
    assert told[1]["reasoning_content"] == "Three."


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ({"type": "function", "name": "weather"}, {"type": "function", "function": {"name": "weather"}}),
    ],
)
async def test_choices(choice: Any, wanted: object, openai_sdk: openai.AsyncOpenAI, scripted: RunningGateway) -> None:
    answer = await openai_sdk.responses.create(
        model="m", input=CALLED, tools=TOOLS[:1], tool_choice=choice, parallel_tool_calls=False
    )
    body = await sent(scripted)
    assert (body["tool_choice"], body["parallel_tool_calls"]) == (wanted, False)
    assert answer.parallel_tool_calls is False
    echoed = answer.tool_choice
    assert (echoed if isinstance(echoed, str) else echoed.to_dict()) == choice
