"""Jobs in lines: where they commit, what is heard before, and what their failures become."""

import asyncio

import pytest

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.relay import HttpBackend
from backends.wire.media_job import (
    Accepted,
    Alive,
    Artifact,
    Cancelled,
    Done,
    Event,
    Failed,
    Memory,
    Stage,
    Step,
    event_of,
    line,
)
from tests.fakes.upstream import DEADLINE, Peer, chunked, upstream
from tests.unit.backends.http.calls import answers, read

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
BEFORE = (Accepted(id="j"), Stage(name="encode"), Step(i=1, n=2, percent=50.0), Alive())
FIRST = Artifact(index=0, seed=7, width=8, height=8, format="png", data="QUJD" * 300)
SECOND = Artifact(index=1, seed=8, width=8, height=8, format="png", data="REVG")
DONE = Done(seconds=1.0, memory=Memory(device_bytes=1, host_bytes=2))


def wire(*events: Event, end: bool = True) -> bytes:
    return HEAD + chunked(b"".join(line(event) for event in events), end=end)


def job(heard: list[bytes] | None = None, *, stream: bool = False, **fields: float) -> Call:
    hear = None if heard is None else heard.append
    return Call(path="/jobs", body=b"{}", lines=True, stream=stream, heard=hear, **fields)  # type: ignore[arg-type]


def events(raw: bytes) -> list[Event]:
    return [event_of(each) for each in raw.splitlines()]


@pytest.mark.parametrize("size", [1, 13, 100_000])
async def test_a_whole_job_is_committed_by_its_last_line(size: int) -> None:
    raw = wire(*BEFORE, FIRST, Step(i=2, n=2), SECOND, DONE)
    heard: list[bytes] = []
    async with upstream(answers(*(raw[at : at + size] for at in range(0, len(raw), size)))) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(job(heard))
        assert reply.complete
        assert events(await read(reply)) == [FIRST, SECOND, DONE]
        assert [event_of(each) for each in heard] == [*BEFORE, Step(i=2, n=2)]
        await backend.aclose()


async def test_a_stream_is_committed_by_its_first_content() -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(wire(*BEFORE, FIRST, end=False))
        await go.wait()
        await peer.send(chunked(line(SECOND) + line(DONE)))

    heard: list[bytes] = []
    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        async with asyncio.timeout(DEADLINE):
            reply = await backend.open(job(heard, stream=True))
        assert events(reply.first) == [FIRST]
        assert len(heard) == len(BEFORE)
        go.set()
        assert events(await read(reply)) == [FIRST, SECOND, DONE]
        await backend.aclose()


@pytest.mark.parametrize(
    ("said", "cause", "param"),
    [
        (Failed(cause="invalid_request", message="too wide", param="width"), Cause.INVALID_REQUEST, "width"),
        (Failed(cause="out_of_memory", message="no room"), Cause.OUT_OF_MEMORY, None),
        (Failed(cause="internal", message="broke", private="trace"), Cause.UPSTREAM_ERROR, None),
        (Failed(cause="auth", message="not yours to say"), Cause.UPSTREAM_ERROR, None),
        (Cancelled(), Cause.UPSTREAM_ERROR, None),
    ],
)
async def test_what_a_worker_says_of_its_failure_is_kept_within_bounds(
    said: Event, cause: Cause, param: str | None
) -> None:
    async with upstream(answers(wire(*BEFORE, said))) as running:
        with pytest.raises(BackendError) as caught:
            await HttpBackend("fake", running.path).open(job())
    assert (caught.value.cause, caught.value.param) == (cause, param)


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (wire(*BEFORE), Cause.STREAM_BROKEN),
        (wire(*BEFORE, FIRST), Cause.STREAM_BROKEN),
        (HEAD + chunked(b"hello\n"), Cause.UPSTREAM_PROTOCOL),
        (HEAD + chunked(b'{"event":"unheard of"}\n'), Cause.UPSTREAM_PROTOCOL),
        (HEAD.replace(b"x-ndjson", b"json") + chunked(line(DONE)), Cause.UPSTREAM_PROTOCOL),
        (b"HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\n{}", Cause.INVALID_REQUEST),
    ],
)
async def test_an_answer_that_is_no_job(raw: bytes, cause: Cause) -> None:
    async with upstream(answers(raw)) as running:
        with pytest.raises(BackendError) as caught:
            async with asyncio.timeout(DEADLINE):
                await HttpBackend("fake", running.path).open(job())
    assert caught.value.cause is cause


async def test_a_worker_that_falls_silent_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(wire(*BEFORE, end=False))
        await peer.left()

    async with upstream(script) as running:
        with pytest.raises(BackendError) as caught:
            async with asyncio.timeout(DEADLINE):
                await HttpBackend("fake", running.path).open(job(idle_timeout=0.05))
        assert caught.value.cause is Cause.UPSTREAM_TIMEOUT
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()


async def test_a_break_after_the_commit_is_seen() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(wire(FIRST, end=False))
        peer.reset()

    async with upstream(script) as running:
        reply = await HttpBackend("fake", running.path).open(job(stream=True))
        with pytest.raises(BackendError) as caught:
            await read(reply)
    assert caught.value.cause is Cause.STREAM_BROKEN
