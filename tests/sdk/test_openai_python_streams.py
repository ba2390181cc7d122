"""The official Python SDK, unmodified: many streams at once, streams that are left, requests that take too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from tests.real_gateway import DEADLINE, ENDLESS, MODEL, SLOTS, RealGateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

LIMIT = 1500
LONG: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Tell a story."}],
    "max_tokens": LIMIT,
    "logit_bias": ENDLESS,
}


@asynccontextmanager
async def asynchronous(gateway: RealGateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key="none", max_retries=0, timeout=90) as client:
        yield client


@pytest.fixture
def work(gateway: RealGateway) -> Any:
    """Asserts at the end that less was generated than one request would have taken to its limit."""
    before = gateway.until_idle()["generated_tokens"]
    yield
    generated = gateway.until_idle()["generated_tokens"] - before
    assert generated < LIMIT, "the work went on without a client"


async def test_more_streams_than_slots_all_arrive(gateway: RealGateway) -> None:
    async with asynchronous(gateway) as client:

        async def ask(number: int) -> tuple[str, str | None]:
            messages: list[Any] = [{"role": "user", "content": f"Say a word about {number}."}]
            stream = await client.chat.completions.create(
                model=MODEL, messages=messages, max_tokens=8, logit_bias=ENDLESS, stream=True
            )
            text, ended = "", None
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""
                ended = chunk.choices[0].finish_reason or ended
            return text, ended

        answers = await asyncio.gather(*(ask(number) for number in range(SLOTS + 2)))
    assert all(text for text, _ in answers)
    assert {ended for _, ended in answers} == {"length"}
    gateway.until_idle()


@pytest.mark.usefixtures("work")
def test_closing_a_stream_frees_its_slot(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**LONG, stream=True)
    for _ in range(4):
        next(stream)
    stream.close()


@pytest.mark.usefixtures("work")
def test_leaving_the_block_of_a_stream_frees_its_slot(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**LONG) as stream:
        for event in stream:
            if event.type == "content.delta":
                break


@pytest.mark.usefixtures("work")
async def test_leaving_one_stream_leaves_the_others_alone(gateway: RealGateway) -> None:
    async with asynchronous(gateway) as client:
        left = await client.chat.completions.create(**LONG, stream=True)
        kept = await client.chat.completions.create(**LONG | {"max_tokens": 40}, stream=True)
        await anext(left)
        await left.close()
        chunks = [chunk async for chunk in kept]
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.usefixtures("work")
async def test_a_cancelled_task_frees_its_slot(gateway: RealGateway) -> None:
    async with asynchronous(gateway) as client:
        waiting = asyncio.create_task(client.chat.completions.create(**LONG))
        async with asyncio.timeout(DEADLINE):
            while not await asyncio.to_thread(lambda: gateway.counters()["slots_busy"]):
                assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


@pytest.mark.usefixtures("work")
def test_a_client_that_does_not_wait_so_long(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.5).chat.completions.create(**LONG)
