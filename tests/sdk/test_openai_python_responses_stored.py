"""The official Python SDK, unmodified and strict, on stored responses: looked at, listed, gone on from, deleted."""

import openai
import pytest

from tests.fakes.gateway import RunningGateway
from tests.fakes.gateway_process import control_of
from tests.sdk.saying import saying

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = saying(thought="They greet me.", text="Hello there.")
RESULT = {"type": "function_call_output", "call_id": "call_0", "output": "rain"}
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": False}


async def make(sdk: openai.AsyncOpenAI, content: str = ANSWER, **fields: object) -> openai.types.responses.Response:
    return await sdk.responses.create(model="m", input=content, **fields)  # type: ignore[call-overload]


async def test_it_is_looked_at_and_deleted(openai_sdk: openai.AsyncOpenAI) -> None:
    made = await make(openai_sdk)
    found = await openai_sdk.responses.retrieve(made.id, include=["reasoning.encrypted_content"])
    assert found.to_dict() == made.to_dict()
    await openai_sdk.responses.delete(made.id)
    for call in (openai_sdk.responses.retrieve, openai_sdk.responses.delete, openai_sdk.responses.cancel):
        with pytest.raises(openai.NotFoundError) as gone:
            await call(made.id)
        assert gone.value.code == "response_not_found"


async def test_what_cannot_be_done_with_it_is_said(openai_sdk: openai.AsyncOpenAI) -> None:
    made = await make(openai_sdk)
    with pytest.raises(openai.BadRequestError, match="in the background"):
        await openai_sdk.responses.cancel(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        await openai_sdk.responses.retrieve(made.id, stream=True)
    assert refused.value.param == "stream"


async def test_what_is_not_to_be_stored_is_not(openai_sdk: openai.AsyncOpenAI) -> None:
    made = await make(openai_sdk, store=False)
    assert made.output_text == "Hello there."
    with pytest.raises(openai.NotFoundError):
        await openai_sdk.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        await make(openai_sdk, previous_response_id=made.id)
    assert (refused.value.param, refused.value.code) == ("previous_response_id", "previous_response_not_found")


async def test_it_is_gone_on_from(openai_sdk: openai.AsyncOpenAI, scripted: RunningGateway) -> None:
    first = await make(openai_sdk, saying(calls=[("weather", {"city": "Rome"})]), tools=[WEATHER])
    second = await openai_sdk.responses.create(
        model="m", previous_response_id=first.id, input=[RESULT, {"role": "user", "content": ANSWER}]
    )  # type: ignore[call-overload]
    assert (second.output_text, second.previous_response_id) == ("Hello there.", first.id)
    (pid,) = [running.pid for running in scripted.services.runtime.running.values()]
    assert pid is not None
    told = (await control_of(pid).calls())[-1]["body"]["messages"]
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "user"]
    assert told[1]["tool_calls"][0]["id"] == told[2]["tool_call_id"] == "call_0"


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_what_led_to_it_is_listed_page_by_page(order: str, limit: int, openai_sdk: openai.AsyncOpenAI) -> None:
    first = await make(openai_sdk, saying(thought="Rain?", calls=[("weather", {})]), tools=[WEATHER])
    second = await openai_sdk.responses.create(
        model="m", previous_response_id=first.id, input=[RESULT, {"role": "user", "content": ANSWER}]
    )  # type: ignore[call-overload]
    listing = openai_sdk.responses.input_items.list(second.id, order=order, limit=limit)  # type: ignore[arg-type]
    found = [item async for item in listing]
    kinds = ["message", "reasoning", "function_call", "function_call_output", "message"]
    assert [item.type for item in found] == (kinds if order == "asc" else kinds[::-1])
    assert len({item.id for item in found}) == len(kinds)
    assert {item.id for item in first.output} < {item.id for item in found}, "what was said keeps its name"


async def test_the_latest_is_listed_first_unless_asked_otherwise(openai_sdk: openai.AsyncOpenAI) -> None:
    said = [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}]
    made = await openai_sdk.responses.create(model="m", input=[*said, {"role": "user", "content": ANSWER}])  # type: ignore[call-overload]
    page = await openai_sdk.responses.input_items.list(made.id)
    assert [item.to_dict()["role"] for item in page.data] == ["user", "assistant", "user"]
    assert page.data[-1].to_dict()["content"] == [{"type": "input_text", "text": "One"}]
    assert not page.has_next_page()
    with pytest.raises(openai.BadRequestError) as refused:
        await openai_sdk.responses.input_items.list(made.id, after="nope")
    assert refused.value.param == "after"
