"""Clients that leave while a provider is being asked: its connection ends too, once, and the money is not forgotten."""

import sqlite3
from contextlib import closing

import pytest

from tests.fakes.cloud import SILENCE, answer, chunk, completion, events
from tests.fakes.fault_proxy import Fault
from tests.fakes.outside import Outside, outside

BEGUN = events(chunk("Hel"), done=False, end=SILENCE)
MUTE = events(done=False, end=SILENCE)
ENOUGH_FOR_ONE = 0.0002


async def nothing_is_held(world: Outside) -> None:
    """Neither a place at the provider nor a stream here."""
    await world.until(lambda: not any(world.gateway.services.spillway._inside.values()))
    assert not any(world.gateway.services.recorder.open_streams.values())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["hole", "silence"])
async def test_who_leaves_before_an_answer_ends_the_attempt_and_starts_no_other(kind: str, stream: bool) -> None:
    async with outside(answer(completion())) as world:
        world.far.proxy.fault = Fault(kind)  # type: ignore[arg-type]
        async with world.asking("both", stream=stream) as client:
            seen = "connections" if kind == "hole" else "requests"
            await world.until(lambda: getattr(world.far.proxy, seen) == 1)
            client.leave()
            if kind != "hole":
                await world.far.proxy.left.wait()
            await world.booked("unknown")
        await world.counted(cancelled=1)
        await nothing_is_held(world)
        assert world.attempts == {"far": 1}


async def test_who_leaves_in_the_middle_ends_the_work_there() -> None:
    async with outside(BEGUN) as world:
        async with world.asking("both", stream=True) as client:
            await client.until(b"Hel")
            client.leave()
            await world.far.proxy.left.wait()
        await world.booked("unknown")
        await world.counted(cancelled=1)
        await nothing_is_held(world)
        assert world.attempts == {"far": 1}


async def test_who_leaves_does_not_count_against_a_provider() -> None:
    fine = answer(completion())
    async with outside(*[MUTE] * 7, fine) as world:
        for number in range(1, 8):
            async with world.asking(stream=True) as client:
                await world.until(lambda asked=number: world.far.proxy.requests == asked)
                client.leave()
            await world.counted(cancelled=number)
        assert (await world.ask()).status == 200


async def test_who_leaves_a_probe_lets_the_next_one_ask() -> None:
    broken = answer({"error": {"message": "oops"}}, 500)
    async with outside(*[broken] * 5, MUTE, answer(completion())) as world:
        for _ in range(5):
            await world.ask()
        world.time.now += 60
        async with world.asking(stream=True) as client:
            await world.until(lambda: world.far.proxy.requests == 6)
            assert (await world.ask()).error["code"] == "no_capacity", "one probe at a time"
            client.leave()
            await world.far.proxy.left.wait()
        await nothing_is_held(world)
        assert (await world.ask()).status == 200


async def test_who_leaves_while_the_money_is_put_aside_owes_nothing() -> None:
    """Nothing was sent, so nothing may stay reserved: else the budget is gone for hours, and then for an operator."""
    async with outside(answer(completion()), settings={"cloud_budget_day": ENOUGH_FOR_ONE}) as world:
        with closing(sqlite3.connect(world.gateway.root / "state" / "forebay.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with world.asking() as client:
                await world.until(lambda: world.books.asked == 1)
                client.leave()
            await world.counted(cancelled=1)
            other.execute("ROLLBACK")
        assert world.attempts == {}, "nothing was sent"
        while (await world.ask()).status == 402:
            pass  # it is being given back
        assert world.attempts == {"far": 1}
        assert (await world.ask(max_tokens=1000)).status == 402, "the budget is no larger than that"
