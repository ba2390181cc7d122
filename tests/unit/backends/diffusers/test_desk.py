"""The life of a job at a worker's desk: one at a time, stopped between steps, brought back from host RAM."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from backends.diffusers.worker.desk import Desk
from backends.errors import BackendError, Cause
from backends.wire.media_job import Accepted, Alive, Cancelled, Done, Event, Failed, MediaJob, Step
from tests.fakes.pictures_model import DEADLINE, FakeModel


def job(name: str, steps: int = 1) -> MediaJob:
    return MediaJob(id=name, width=8, height=8, seeds=(7,), steps=steps)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
async def desk(model: FakeModel) -> AsyncIterator[Desk]:
    with ThreadPoolExecutor(1) as thread:
        made = Desk(model, thread, alive_seconds=60.0)
        yield made
        made.stop()
        model.steps.release(100)
        async with asyncio.timeout(DEADLINE):
            await made.idle()


async def told(desk: Desk, wanted: MediaJob) -> list[Event]:
    desk.admit(wanted)
    async with asyncio.timeout(DEADLINE):
        return [event async for event in desk.events(wanted)]


async def test_a_job_from_its_acceptance_to_its_end(desk: Desk, model: FakeModel) -> None:
    model.steps.release(2)
    events = await told(desk, job("a", steps=2))
    assert [type(each).__name__ for each in events] == ["Accepted", "Step", "Step", "Artifact", "Done"]
    assert isinstance(events[-1], Done)
    assert events[-1].memory.device_peak_bytes == 4


async def test_the_second_waits_for_the_first(desk: Desk, model: FakeModel) -> None:
    first, second = asyncio.ensure_future(told(desk, job("a"))), asyncio.ensure_future(told(desk, job("b")))
    model.steps.release(2)
    await asyncio.gather(first, second)
    assert model.log == ["begin a", "end a", "begin b", "end b"]


async def test_a_cancelled_one_stops_at_its_next_step_and_one_that_waits_never_begins(
    desk: Desk, model: FakeModel
) -> None:
    wanted = job("a", steps=9)
    desk.admit(wanted)
    events = desk.events(wanted)
    model.steps.release()
    seen = [await anext(events), await anext(events)]
    assert seen == [Accepted(id="a"), Step(i=1, n=9)]
    waiting = asyncio.ensure_future(told(desk, job("b")))
    await asyncio.sleep(0)
    assert desk.cancel("b")
    assert desk.cancel("a")
    assert not desk.cancel("c")
    model.steps.release()
    assert [event async for event in events] == [Cancelled()]
    assert (await waiting)[-1] == Cancelled()
    assert model.log == ["begin a"]


async def test_whoever_stops_listening_cancels(desk: Desk, model: FakeModel) -> None:
    wanted = job("a", steps=9)
    events = desk.events(wanted)
    assert await anext(events) == Accepted(id="a")
    await events.aclose()
    model.steps.release(9)
    async with asyncio.timeout(DEADLINE):
        await desk.idle()
    assert "end a" not in model.log


async def test_failures_are_said_in_the_jobs_own_words(desk: Desk, model: FakeModel) -> None:
    model.failure = BackendError(Cause.OUT_OF_MEMORY, "no room", param="width", private="cuda")
    last = (await told(desk, job("a")))[-1]
    assert last == Failed(cause="out_of_memory", message="no room", param="width", private="cuda")


async def test_what_nobody_foresaw_ends_the_job_and_not_the_worker(
    desk: Desk, model: FakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    model.failure = ZeroDivisionError("a step too far")
    assert (await told(desk, job("a")))[-1] == Failed(cause="internal", message="the worker failed")
    assert "a step too far" in caplog.text
    model.failure = None
    model.steps.release()
    assert isinstance((await told(desk, job("b")))[-1], Done)


async def test_a_job_brings_the_model_back(desk: Desk, model: FakeModel) -> None:
    await desk.offload()
    model.steps.release(2)
    await told(desk, job("a"))
    await told(desk, job("b"))
    await desk.offload()
    await desk.onload()
    await desk.onload()
    assert model.log == ["offload", "onload", "begin a", "end a", "begin b", "end b", "offload", "onload"]


async def test_refusals_come_before_anything_is_said(desk: Desk, model: FakeModel) -> None:
    model.refusal = BackendError(Cause.INVALID_REQUEST, "cannot", param="task")
    with pytest.raises(BackendError, match="cannot"):
        desk.admit(job("a"))
    model.refusal = None
    held = [desk.events(job(str(number))) for number in range(8)]
    for each in held:
        await anext(each)
    with pytest.raises(BackendError) as taken:
        desk.admit(job("0"))
    assert taken.value.param == "id"
    with pytest.raises(BackendError) as full:
        desk.admit(job("9"))
    assert full.value.cause is Cause.QUEUE_FULL
    for each in held:
        await each.aclose()


async def test_it_says_that_it_lives_while_nothing_happens(model: FakeModel) -> None:
    with ThreadPoolExecutor(1) as thread:
        desk = Desk(model, thread, alive_seconds=0.001)
        events = desk.events(job("a"))
        async with asyncio.timeout(DEADLINE):
            assert [await anext(events) for _ in range(3)] == [Accepted(id="a"), Alive(), Alive()]
        model.steps.release()
        async with asyncio.timeout(DEADLINE):
            rest = [event async for event in events]
        assert isinstance(rest[-1], Done)
