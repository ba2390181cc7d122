"""Events of a job that is made in here: the commit point of a stream, what comes after it, and its end."""

import asyncio
from collections.abc import Callable

import pytest

from backends.cloud.media.telling import Telling
from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.wire.media_job import Accepted, Artifact, Done, Event, Memory, event_of

MADE = Artifact(index=0, seed=7, width=8, height=8, format="png", data="eA==")
DONE = Done(seconds=1.0, memory=Memory(device_bytes=0, host_bytes=0))
STREAM = Call(path="/jobs", body=b"", lines=True, stream=True)
Tell = Callable[[Event], None]


async def test_a_stream_that_fails_after_its_commit_point_is_not_whole() -> None:
    async def work(tell: Tell) -> None:
        tell(Accepted(id="j"))
        tell(MADE)
        raise BackendError(Cause.UNKNOWN_OUTCOME, "lost")

    reply = await Telling(work, STREAM, alive=5).opened()
    assert (event_of(reply.first), reply.complete) == (MADE, False)
    with pytest.raises(BackendError, match="lost"):
        await anext(reply)


async def test_what_was_told_before_a_failure_is_told_first() -> None:
    async def work(tell: Tell) -> None:
        for _ in range(3):
            tell(MADE)
        raise BackendError(Cause.UPSTREAM_ERROR, "then")

    reply = await Telling(work, STREAM, alive=5).opened()
    assert [event_of(await anext(reply)) for _ in range(2)] == [MADE, MADE]
    with pytest.raises(BackendError, match="then"):
        await anext(reply)


async def test_closing_a_reply_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work(tell: Tell) -> None:
        tell(MADE)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    reply = await Telling(work, STREAM, alive=5).opened()
    reply.aclose()
    reply.aclose()
    await asyncio.wait_for(ended.wait(), 5)
    with pytest.raises(BackendError):
        await anext(reply)


async def test_nothing_comes_after_the_last_event() -> None:
    async def work(tell: Tell) -> None:
        tell(MADE)
        tell(DONE)

    reply = await Telling(work, STREAM, alive=5).opened()
    assert [event_of(line) async for line in reply] == [DONE]
    assert reply.complete


@pytest.mark.parametrize("stream", [True, False])
async def test_work_without_a_last_word_is_broken(*, stream: bool) -> None:
    async def work(tell: Tell) -> None:
        tell(Accepted(id="j"))

    with pytest.raises(BackendError) as caught:
        await Telling(work, Call(path="/jobs", body=b"", lines=True, stream=stream), alive=5).opened()
    assert caught.value.cause is Cause.STREAM_BROKEN
