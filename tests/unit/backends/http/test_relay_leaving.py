"""A caller that leaves, in every phase of its call; and connections that end under a request."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from backends.http.relay import HttpBackend
from tests.fakes.upstream import DEADLINE, STREAM_HEAD, Peer, chunked, plain, upstream
from tests.unit.backends.http.calls import BODY, EVENTS, answers, call, failing


async def test_leaving_a_stream_ends_the_connection():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(EVENTS[0], end=False))
        await peer.left()

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(call(stream=True))
        reply.aclose()
        reply.aclose()
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()


PHASES = {
    "body unread": None,
    "no answer": (),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-",),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\n",),
    "half a plain body": (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{",),
    "before the first event": (STREAM_HEAD, chunked(b": ping\n\n", b"data: half", end=False)),
}


@pytest.mark.parametrize("phase", PHASES)
async def test_a_call_that_is_cancelled_ends_the_connection(phase):
    reached = asyncio.Event()

    async def script(peer: Peer) -> None:
        pieces = PHASES[phase]
        await (peer.request() if pieces is not None else peer.head())
        await peer.send(*(pieces or ()))
        reached.set()
        if pieces is not None:
            await peer.left()
        else:
            await hung_up.wait()
            await peer.left()

    hung_up = asyncio.Event()
    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        large = b"x" * 8_000_000 if PHASES[phase] is None else BODY
        opening = asyncio.ensure_future(backend.open(call(stream="event" in phase, body=large)))
        await reached.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not opening.done()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        hung_up.set()
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()
        assert backend._pool.take() is None


async def test_a_reader_that_is_cancelled_in_mid_stream_can_close():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(EVENTS[0], end=False))
        await peer.left()

    async with upstream(script) as running:
        reply = await HttpBackend("fake", running.path).open(call(stream=True))
        reading = asyncio.ensure_future(anext(reply))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
        reply.aclose()
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()


async def test_an_idle_connection_that_was_closed_is_replaced():
    async with upstream(answers(plain())) as running:
        backend = HttpBackend("fake", running.path)
        assert (await backend.open(call())).status == 200
        assert (await backend.open(call())).status == 200  # the first script has ended and closed
        assert len(running.peers) == 2
        await backend.aclose()


async def first_then(peer: Peer, *answer: bytes) -> None:
    """One good answer, then this one, and a clean end."""
    await peer.request()
    await peer.send(plain())
    await peer.request()
    await peer.send(*answer)


async def test_a_kept_connection_that_ends_without_a_byte_is_replaced_once():
    async with upstream(first_then, first_then, answers()) as running:
        backend = HttpBackend("fake", running.path)
        assert [(await backend.open(call())).status for _ in range(2)] == [200, 200]
        assert [len(peer.requests) for peer in running.peers] == [2, 1]
        with pytest.raises(BackendError) as caught:
            await backend.open(call())
        assert caught.value.cause is Cause.STREAM_BROKEN
        assert [len(peer.requests) for peer in running.peers] == [2, 2, 1]
        await backend.aclose()


async def test_a_request_that_ended_an_engine_is_not_retried():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain())
        await peer.request()
        running.path.unlink()  # nobody will listen any more

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        await backend.open(call())
        with pytest.raises(BackendError) as caught:
            await backend.open(call())
        assert caught.value.cause is Cause.STREAM_BROKEN
        assert "without an answer" in caught.value.detail
        assert len(running.requests) == 2


async def test_a_request_that_was_not_read_may_be_sent_again():
    """A socket that closes with unread bytes resets, which a dead engine's kept connection does too."""

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.reset()

    error = await failing(script, body=b"x" * 1_000_000)
    assert error.cause is Cause.UPSTREAM_CONNECT


@pytest.mark.parametrize("answer", [b"H", b"HTTP/1.1 200 OK\r\n", plain()[:-1]])
async def test_a_request_whose_answer_began_is_not_sent_twice(answer):
    async def script(peer: Peer) -> None:
        await first_then(peer, answer)

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        await backend.open(call())
        with pytest.raises(BackendError) as caught:
            await backend.open(call())
        assert caught.value.cause is Cause.STREAM_BROKEN
        assert len(running.requests) == 2


async def test_an_answer_before_the_body_was_read_is_the_answer_and_ends_the_connection():
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(plain(b'{"error":{"message":"too large"}}', "413 Too Large"))
        await peer.left()

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        with pytest.raises(BackendError) as caught:
            await backend.open(call(body=b"x" * 8_000_000))
        assert (caught.value.cause, caught.value.detail) == (Cause.TOO_LARGE, "too large")
        assert backend._pool.take() is None
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()
