"""A client that leaves stops the work, whatever phase its request is in; measured by the worker's own counters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.llama_cpp_fixtures import Worker, chat_body, weights, worker

__all__ = ["weights", "worker"]
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

CHAT = "/v1/chat/completions"
LIMIT = 1500


def endless(content: str, **fields: Any) -> dict[str, Any]:
    """A request that would run to its limit: the tokens that end an answer are forbidden."""
    return chat_body(content, max_tokens=LIMIT, logit_bias={"2": -100, "0": -100}, **fields)


async def still(worker: Worker) -> dict[str, int]:
    """The counters of a worker that has come to rest: nothing runs, and two readings agree.

    One reading is not enough: xllamacpp frees the slot of a cancelled request at once and counts the
    batch that was under way when that batch is done.
    """
    counters = await worker.reaches(slots_busy=0, queued=0)
    while (again := await worker.reaches(slots_busy=0, queued=0)) != counters:
        counters = again
    return counters


async def test_a_client_that_leaves_mid_stream(worker: Worker) -> None:
    before = await still(worker)
    async with worker.client() as client, client.stream("POST", CHAT, json=endless("A", stream=True)) as answer:
        lines = answer.aiter_lines()
        for _ in range(6):
            await anext(lines)
        await lines.aclose()
    after = await still(worker)
    assert 0 < after["generated_tokens"] - before["generated_tokens"] < LIMIT


async def test_a_client_that_leaves_a_plain_request(worker: Worker) -> None:
    before = await still(worker)
    async with worker.client() as client:
        waiting = asyncio.ensure_future(client.post(CHAT, json=endless("B")))
        while (await worker.counters())["generated_tokens"] == before["generated_tokens"]:
            assert not waiting.done()
            if (await worker.counters())["slots_busy"]:
                break
        waiting.cancel()
        await asyncio.wait((waiting,))
    after = await still(worker)
    assert after["generated_tokens"] - before["generated_tokens"] < LIMIT


async def test_a_client_that_leaves_one_of_several_choices(worker: Worker) -> None:
    before = await still(worker)
    body = endless("C", stream=True, n=3)
    async with worker.client() as client, client.stream("POST", CHAT, json=body) as answer:
        await anext(answer.aiter_lines())
    after = await still(worker)
    assert after["generated_tokens"] - before["generated_tokens"] < 3 * LIMIT


async def test_a_client_that_leaves_while_its_prompt_is_computed(worker: Worker) -> None:
    before = await still(worker)
    body = chat_body(" ".join(f"w{number}" for number in range(450)), max_tokens=200, stream=True)
    tokens = (await worker.post("/tokenize", {"messages": body["messages"]})).json()["count"]
    async with worker.client() as client:
        waiting = asyncio.ensure_future(client.post(CHAT, json=body))
        await worker.reaches(slots_busy=1)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait((waiting,))
    after = await still(worker)
    assert tokens > 1000
    assert after["generated_tokens"] == before["generated_tokens"]
    assert after["prompt_tokens"] - before["prompt_tokens"] < tokens


async def test_a_client_that_leaves_the_queue(worker: Worker) -> None:
    await still(worker)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(worker.client())
        reading: list[AsyncIterator[str]] = []  # an iterator that is dropped closes its response
        for number in range(4):
            body = endless(f"Slot {number}", stream=True)
            answer = await stack.enter_async_context(client.stream("POST", CHAT, json=body))
            reading.append(answer.aiter_lines())
            await anext(reading[-1])
        waiting = asyncio.ensure_future(client.post(CHAT, json=endless("Queued")))
        await worker.reaches(slots_busy=4, queued=1)
        waiting.cancel()
        await asyncio.wait((waiting,))
        await worker.reaches(slots_busy=4, queued=0)
    await still(worker)
    answer = await worker.chat("Still there?", max_tokens=2)
    assert answer["usage"]["completion_tokens"] >= 1
