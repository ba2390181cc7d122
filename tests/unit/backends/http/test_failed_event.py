"""A server that tells of its failure within a stream and says that it has ended well: no client may believe it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.http.failed_event import failed_at, failure, unfinished
from backends.http.relay import HttpBackend
from tests.fakes.upstream import STREAM_HEAD, Peer, chunked, upstream
from tests.unit.backends.http.calls import answers, call, failing

SAID = b'data: {"choices":[{"delta":{"content":"a line: data: {\\"error\\": 1}"}}]}\n\n'
FAILED = b'data: {"error": {"message": "EngineCore died", "type": "InternalServerError", "code": 500}}\n\n'
DONE = b"data: [DONE]\n\n"
NATIVE = b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"died"}}\n\n'


async def pieces(first: bytes, *rest: bytes) -> tuple[bytes, BackendError | None]:
    """What a client gets of a stream whose rest comes when it has the first, and how it ends."""
    opened = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(first, end=False))
        await opened.wait()
        await peer.send(chunked(*rest))

    async with upstream(script) as running:
        reply = await HttpBackend("fake", running.path).open(call(stream=True))
        opened.set()
        got = reply.first
        try:
            async for chunk in reply:
                got += chunk
        except BackendError as error:
            return got, error
    return got, None


@pytest.mark.parametrize("failed", [FAILED, NATIVE], ids=["openai", "anthropic"])
async def test_half_an_answer_never_passes_for_a_whole_one(failed: bytes) -> None:
    got, error = await pieces(SAID, SAID, failed, DONE)
    assert got == SAID + SAID
    assert error is not None
    assert error.cause is Cause.STREAM_BROKEN
    assert "died" in error.private
    assert "died" not in error.detail


async def test_all_at_once_or_byte_for_byte() -> None:
    rest = SAID + FAILED + DONE
    for sent in ([rest], _bytes(rest)):
        got, error = await pieces(SAID, *sent)
        assert got == SAID + SAID
        assert error is not None


async def test_before_anything_is_told_another_may_be_tried() -> None:
    error = await failing(answers(STREAM_HEAD + chunked(FAILED, DONE)), stream=True)
    assert error.cause is Cause.UPSTREAM_ERROR
    busy = FAILED.replace(b"500", b"429")
    assert (await failing(answers(STREAM_HEAD + chunked(busy)), stream=True)).cause is Cause.UPSTREAM_RATE_LIMITED


async def test_a_model_that_writes_of_errors_is_passed_on() -> None:
    story = b'data: {"choices":[{"delta":{"content":"\\ndata: {\\"error\\": {}}\\nevent: error\\n"}}]}\n\n'
    got, error = await pieces(SAID, story, b": event: error\n\n", DONE)
    assert (got, error) == (SAID + story + b": event: error\n\n" + DONE, None)


@given(st.lists(st.integers(1, 40), max_size=12))
def test_wherever_a_stream_is_cut_the_event_is_found(cuts: list[int]) -> None:
    stream = SAID + FAILED
    held, told, fresh, start = b"", b"", True, 0
    for end in [*(sum(cuts[: i + 1]) for i in range(len(cuts))), len(stream)]:
        data = held + stream[start : min(end, len(stream))]
        start, held = min(end, len(stream)), b""
        at = failed_at(data, fresh=fresh)
        if at >= 0:
            told += data[:at]
            break
        size = unfinished(data)
        data, held = (data[:-size], data[-size:]) if size else (data, b"")
        told += data
        fresh = data.endswith(b"\n") if data else fresh
    assert told + held in (SAID, SAID + FAILED[: len(held)])


def test_what_it_means() -> None:
    assert failure(FAILED, begun=True).cause is Cause.STREAM_BROKEN
    assert failure(b"data: {", begun=False).cause is Cause.UPSTREAM_ERROR


def _bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]
