"""Streams of a provider that go wrong after they have begun: a prefix, one error event, never a sign of success."""

import asyncio
import json

import pytest

from tests.fakes.asking import Told
from tests.fakes.cloud import SILENCE, USAGE, Script, answer, chunk, completion, events
from tests.fakes.fault_proxy import Fault
from tests.fakes.outside import outside
from tests.faults.cloud_cases import BREAKS, HASTE, Break

WHOLE = events(chunk("Hel"), chunk("lo", "stop"), USAGE)
FIRST = b'"Hel"'
LIVELY = {"keepalive_after": 0.01}
OUTCOMES = {"stream_broken": "upstream_error", "upstream_protocol": "upstream_error", "upstream_timeout": "timeout"}
CLAUDE = (
    {"type": "message_start", "message": {"id": "m1", "type": "message", "role": "assistant", "model": "there",
     "content": [], "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
)  # fmt: skip
"""A message of Anthropic's that has begun: its server counts what was read at once, what was written at the end."""


def begun_message() -> Script:
    return events(*(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in CLAUDE), done=False)


def size(script: Script) -> int:
    return sum(len(step) for step in script if isinstance(step, bytes))


def broken(told: Told, code: str) -> bool:
    *before, _ = told.events
    assert told.status == 200
    assert "[DONE]" not in told.body.decode()
    assert FIRST.decode() in before[0], "what came is the client's"
    return told.error["code"] == code


@pytest.mark.parametrize("case", [pytest.param(each, id=f"{each.fault} {each.note}".strip()) for each in BREAKS])
async def test_a_stream_that_breaks_is_told_as_broken_and_sent_to_nobody_else(case: Break) -> None:
    async with outside(case.script, near=(WHOLE,)) as world:
        world.limits.update(case.limits)
        code, go = case.row[0].split("`")[1], asyncio.Event()
        if case.breaks is not None:
            world.far.proxy.fault = Fault(case.breaks, size(case.script[:-1]), go)
        for number in range(1, 7):
            async with world.asking("both", stream=True) as client:
                await client.until(FIRST)
                go.set()
                assert broken(await client.rest(), code)
            go.clear()
            assert world.attempts == {"far": number}, "once, and far is not blamed for what it had begun"
        await world.booked(*[case.row[2]] * 6)
        await world.counted(**{OUTCOMES[code]: 6})


async def test_a_late_first_token_is_not_a_failure() -> None:
    go = asyncio.Event()
    async with outside(WHOLE, settings=LIVELY) as world:
        world.far.proxy.fault = Fault("pause", size(WHOLE[:1]), go)
        async with world.asking(stream=True) as client:
            await client.until(b'"delta":{}')
            go.set()
            told = await client.rest()
        assert (told.status, told.events[-1]) == (200, "[DONE]")
        assert b'"Hel"' in told.body
        assert b'"error"' not in told.body
        await world.booked("settled")
        await world.counted(ok=1)
        assert world.attempts == {"far": 1}


async def test_a_stream_with_life_signs_gets_its_failure_as_an_event() -> None:
    go = asyncio.Event()
    async with outside(WHOLE, settings=LIVELY) as world:
        world.far.proxy.fault = Fault("reset", 0, go)
        async with world.asking(stream=True) as client:
            await client.until(b'"delta":{}')
            go.set()
            told = await client.rest()
        assert (told.status, told.error["code"]) == (200, "upstream_error")
        assert "[DONE]" not in told.events
        await world.booked("unknown")
        await world.counted(upstream_error=1)


async def test_a_stream_with_life_signs_may_still_come_from_another_provider() -> None:
    go = asyncio.Event()
    async with outside(WHOLE, settings=LIVELY) as world:
        world.far.proxy.fault = Fault("reset", 0, go)
        async with world.asking("both", stream=True) as client:
            await client.until(b'"delta":{}')
            go.set()
            told = await client.rest()
        assert (told.status, told.events[-1]) == (200, "[DONE]")
        assert b'"error"' not in told.body
        assert world.attempts == {"far": 1, "near": 1}


async def test_the_settings_bound_the_wait_for_a_first_event_and_the_silence_inside() -> None:
    mute, silent = (events(*said, done=False, end=SILENCE) for said in ((), (chunk("Hel"),)))
    async with outside(mute, settings={"first_event_timeout": HASTE}) as world:
        assert (await world.ask(stream=True)).error["code"] == "upstream_timeout"
    async with outside(silent, settings={"idle_timeout": HASTE}) as world:
        assert broken(await world.ask(stream=True), "upstream_timeout")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_cut_message_is_not_settled_for_what_its_beginning_says(path: str) -> None:
    """Anthropic's first event counts one token of output: to settle for that would be to spend more than is counted."""
    script, go = begun_message(), asyncio.Event()
    async with outside(script, kind="anthropic") as world:
        world.far.proxy.fault = Fault("reset", size(script[:-1]), go)
        async with world.asking(path=path, stream=True) as client:
            await client.until(b"Hel")
            go.set()
            told = await client.rest()
        assert told.error["type"] in ("server_error", "api_error")
        assert b"message_stop" not in told.body
        await world.booked("unknown")


async def test_a_provider_that_asks_for_a_moment_is_given_it() -> None:
    asks = answer({"error": {"message": "slow down"}}, 429, retry_after="7")
    async with outside(asks, answer(completion())) as world:
        assert (await world.ask()).status == 200
        assert world.time.slept == [7.0]
        assert world.attempts == {"far": 2}
        await world.booked("released", "settled")
        await world.counted(ok=1)


async def test_a_provider_that_asks_for_long_is_left_alone_for_so_long() -> None:
    asks = answer({"error": {"message": "slow down"}}, 429, retry_after="600")
    async with outside(asks, answer(completion())) as world:
        assert (await world.ask()).status == 429
        world.time.now += 599
        assert (await world.ask()).status == 503
        assert world.attempts == {"far": 1}
        world.time.now += 2
        assert (await world.ask()).status == 200


async def test_a_provider_without_time_is_asked_again_once_at_most() -> None:
    """Each extra attempt is one more request that a provider in trouble has to refuse."""
    async with outside(answer({"error": {"message": "slow down"}}, 429, retry_after="1")) as world:
        assert (await world.ask()).status == 429
        assert world.attempts["far"] <= 2
