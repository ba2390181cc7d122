"""Providers that are down: how many more attempts that makes, when they are left alone, and how they are found again.

The clock moves as the test says; nothing here takes its time.
"""

import asyncio

import pytest

from tests.fakes.asking import Told
from tests.fakes.cloud import answer, completion
from tests.fakes.fault_proxy import Fault
from tests.fakes.outside import Outside, Place, outside

REQUESTS = 200
EXTRA = 1.2
"""Attempts a request at most: the retry budget is a fifth."""
BEFORE_REST = 10
"""Failures at most until a provider is left alone."""
FINE = answer(completion())
BROKEN = answer({"error": {"message": "oops"}}, 500)
KINDS = ("refused", "500", "reset before the head")


def down(place: Place, kind: str) -> None:
    if kind == "refused":
        place.proxy.refuse()
    elif kind == "500":
        place.cloud.scripts[:] = [BROKEN]
    else:
        place.proxy.fault = Fault("reset")


def up(place: Place, kind: str) -> None:
    if kind == "refused":
        place.proxy.listen()
    place.cloud.scripts[:] = [FINE]
    place.proxy.fault = None


async def asked(world: Outside, count: int, every: float = 0.05, model: str = "both") -> list[Told]:
    """One after the other, so many seconds of the gateway's clock apart."""
    told: list[Told] = []
    for _ in range(count):
        told.append(await world.ask(model))
        world.time.now += every
    return told


@pytest.mark.parametrize("kind", KINDS)
async def test_two_providers_that_are_down_are_asked_no_more_than_a_few_times(kind: str) -> None:
    async with outside(FINE) as world:
        down(world.far, kind)
        down(world.near, kind)
        early = await asked(world, REQUESTS // 4)
        so_far = world.attempts.copy()
        late = await asked(world, REQUESTS * 3 // 4)
        assert {told.status for told in early + late} <= {502, 503}
        assert so_far["far"] <= BEFORE_REST
        assert so_far["near"] <= BEFORE_REST
        assert world.attempts == so_far, "they rest: the number of attempts stops growing"
        assert world.attempts.total() <= EXTRA * REQUESTS
        assert [told.error["code"] for told in late] == ["no_capacity"] * len(late)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_burst_upon_providers_that_are_down_makes_a_fifth_more_attempts_at_most(kind: str) -> None:
    async with outside(FINE) as world:
        down(world.far, kind)
        down(world.near, kind)
        told = await asyncio.gather(*(world.ask("both") for _ in range(REQUESTS)))
        assert {each.status for each in told} <= {502, 503}
        assert world.attempts.total() <= EXTRA * REQUESTS
        before = world.attempts.copy()
        await world.ask("both")
        assert world.attempts["far"] == before["far"]


async def test_a_provider_that_fails_now_and_then_makes_a_fifth_more_attempts_at_most() -> None:
    async with outside(FINE) as world:
        world.far.cloud.choose = lambda _: BROKEN if len(world.far.cloud.sent) % 5 in (0, 2) else FINE
        told = await asked(world, REQUESTS)
        assert {each.status for each in told} == {200, 502}
        assert world.attempts["far"] == REQUESTS, "it is not so bad that it would rest"
        assert world.attempts["near"] > 0
        assert world.attempts.total() <= EXTRA * REQUESTS


@pytest.mark.parametrize("kind", KINDS)
async def test_while_one_provider_is_down_the_other_serves(kind: str) -> None:
    """A provider that rests is not asked, so to pass it by is no extra attempt."""
    async with outside(FINE) as world:
        down(world.far, kind)
        told = await asked(world, REQUESTS)
        assert world.attempts["far"] <= BEFORE_REST
        assert world.attempts.total() <= EXTRA * REQUESTS
        failed = [each.status for each in told if each.status != 200]
        assert len(failed) <= BEFORE_REST


@pytest.mark.parametrize("kind", KINDS)
async def test_after_its_rest_one_probe_finds_a_provider_again(kind: str) -> None:
    async with outside(FINE) as world:
        down(world.far, kind)
        await asked(world, BEFORE_REST, every=0.0, model="one")
        failed = world.attempts["far"]
        up(world.far, kind)
        world.time.now += 14.0
        assert (await world.ask()).error["code"] == "no_capacity", "its rest is not over"
        world.time.now += 2.0
        go = asyncio.Event()
        world.far.proxy.fault = Fault("pause", 0, go)
        before = world.far.proxy.requests
        crowd = [asyncio.create_task(world.ask()) for _ in range(20)]
        await world.until(lambda: sum(task.done() for task in crowd) == len(crowd) - 1)
        assert world.attempts["far"] == failed + 1, "one probe"
        go.set()
        statuses = sorted(told.status for told in await asyncio.gather(*crowd))
        assert statuses == [200] + [503] * 19
        assert world.far.proxy.requests == before + 1
        assert [told.status for told in await asked(world, 20, model="one")] == [200] * 20


@pytest.mark.parametrize("kind", KINDS)
async def test_a_long_outage_is_looked_at_ever_more_seldom(kind: str) -> None:
    """Ten minutes, a request a second: probes after 15 s, 30 s, 60 s, then every two minutes."""
    async with outside(FINE) as world:
        down(world.far, kind)
        await asked(world, 600, every=1.0, model="one")
        assert 5 + 4 <= world.attempts["far"] <= 5 + 8


async def test_providers_rest_apart() -> None:
    async with outside(FINE) as world:
        world.far.proxy.refuse()
        await asked(world, BEFORE_REST, model="one")
        assert {told.status for told in await asked(world, BEFORE_REST, model="other")} == {200}
