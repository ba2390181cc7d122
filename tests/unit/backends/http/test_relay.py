"""Calls to a backend of raw bytes: the commit point, what comes through unchanged, a cause for every way to fail."""

import asyncio
from pathlib import Path

import pytest

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http import relay
from backends.http.relay import HttpBackend
from tests.fakes.upstream import DEADLINE, STREAM_HEAD, Peer, chunked, plain, upstream

BODY = b'{"model":"m"}'
EVENTS = [b'data: {"n":%d}\n\n' % number for number in range(5)]
END = b"data: [DONE]\n\n"


def call(*, stream: bool = False, **fields) -> Call:
    given = {"path": "/v1/chat/completions", "body": BODY, "request_id": "req_1", "stream": stream}
    return Call(**(given | fields))


def answers(*pieces: bytes, times: int = 1):
    """A script: for each of ``times`` requests the same bytes."""

    async def script(peer: Peer) -> None:
        for _ in range(times):
            if not await peer.request():
                return
            await peer.send(*pieces)

    return script


async def waiting(peer: Peer) -> None:
    """Takes a request and says nothing; notes when the client leaves."""
    await peer.request()
    await peer.request()


async def read(reply) -> bytes:
    return reply.first + b"".join([piece async for piece in reply])


async def failing(script, **fields) -> BackendError:
    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        with pytest.raises(BackendError) as caught:
            async with asyncio.timeout(DEADLINE):
                await read(await backend.open(call(**fields)))
        await backend.aclose()
        return caught.value


async def test_a_plain_answer_comes_whole_and_its_connection_is_used_again():
    async with upstream(answers(plain(), times=3)) as running:
        backend = HttpBackend("fake", running.path)
        for _ in range(3):
            reply = await backend.open(call())
            assert (reply.status, reply.content_type, await read(reply)) == (200, "application/json", b'{"ok":true}')
            assert reply.complete
        assert len(running.peers) == 1
        head, _, body = running.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"x-request-id: req_1" in head
        assert body == BODY
        await backend.aclose()


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_stream_passes_unchanged_in_whatever_pieces(size):
    stream = b": hello\n\n" + b"".join(EVENTS) + END
    wire = STREAM_HEAD + chunked(*(stream[at : at + 11] for at in range(0, len(stream), 11)))
    async with upstream(answers(*(wire[at : at + size] for at in range(0, len(wire), size)))) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(call(stream=True))
        assert EVENTS[0] in reply.first
        assert await read(reply) == stream
        assert END in reply.usage_tail
        await backend.aclose()


async def test_a_stream_is_not_committed_before_its_first_event():
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(b": ping\n\n", end=False))
        await go.wait()
        await peer.send(chunked(EVENTS[0], END))

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        opening = asyncio.ensure_future(backend.open(call(stream=True)))
        while not running.requests:
            await asyncio.sleep(0)
        assert not opening.done()
        go.set()
        assert await read(await opening) == b": ping\n\n" + EVENTS[0] + END
        await backend.aclose()


async def test_a_finished_stream_gives_its_connection_back():
    wire = STREAM_HEAD + chunked(EVENTS[0], END)
    async with upstream(answers(wire, times=2)) as running:
        backend = HttpBackend("fake", running.path)
        for _ in range(2):
            await read(await backend.open(call(stream=True)))
        assert len(running.peers) == 1
        await backend.aclose()


async def test_leaving_a_stream_ends_the_connection():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(EVENTS[0], end=False))
        await peer.request()

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(call(stream=True))
        reply.aclose()
        reply.aclose()
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()


async def test_a_call_that_is_cancelled_ends_the_connection():
    async with upstream(waiting) as running:
        backend = HttpBackend("fake", running.path)
        opening = asyncio.ensure_future(backend.open(call()))
        while not running.requests:
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait((opening,))
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()


async def test_an_idle_connection_that_was_closed_is_replaced():
    async with upstream(answers(plain())) as running:
        backend = HttpBackend("fake", running.path)
        assert (await backend.open(call())).status == 200
        assert (await backend.open(call())).status == 200  # the first script has ended and closed
        assert len(running.peers) == 2
        await backend.aclose()


async def test_a_request_that_may_have_been_read_is_not_sent_twice():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain())
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        peer.reset()

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        await backend.open(call())
        with pytest.raises(BackendError):
            await backend.open(call())
        assert len(running.requests) == 2


STREAM = {"stream": True}
FAILURES = [
    ("closes at once", answers(), Cause.STREAM_BROKEN, {}),
    ("not HTTP", answers(b"SSH-2.0 hello\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("bad chunk size", answers(STREAM_HEAD + b"zz\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("too many fields", answers(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("a huge field", answers(b"HTTP/1.1 200 OK\r\na: " + b"b" * 50_000 + b"\r\n\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("half a body", answers(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"), Cause.STREAM_BROKEN, {}),
    ("no JSON", answers(plain(b"<html>", kind=b"text/html")), Cause.UPSTREAM_PROTOCOL, {}),
    ("no stream", answers(plain()), Cause.UPSTREAM_PROTOCOL, {"stream": True}),
    ("a stream without events", answers(STREAM_HEAD + chunked(b": x\n\n")), Cause.STREAM_BROKEN, STREAM),
    ("a stream without its end", answers(STREAM_HEAD + chunked(*EVENTS)), Cause.STREAM_BROKEN, STREAM),
    ("a stream that breaks", answers(STREAM_HEAD + chunked(EVENTS[0], end=False)), Cause.STREAM_BROKEN, STREAM),
    ("silence", waiting, Cause.UPSTREAM_TIMEOUT, {"answer_timeout": 0.01}),
    ("silence before a stream", waiting, Cause.UPSTREAM_TIMEOUT, {"stream": True, "first_event_timeout": 0.01}),
    ("429", answers(plain(b"{}", "429 Too Many", b"retry-after: 7")), Cause.UPSTREAM_RATE_LIMITED, {}),
    ("500", answers(plain(b"secret words", "500 Oh")), Cause.UPSTREAM_ERROR, {}),
    ("500 for a stream", answers(plain(b"{}", "500 Oh")), Cause.UPSTREAM_ERROR, {"stream": True}),
]  # fmt: skip


@pytest.mark.parametrize(("script", "cause", "fields"), [pytest.param(*rest, id=name) for name, *rest in FAILURES])
async def test_every_failure_has_its_cause(script, cause, fields):
    error = await failing(script, **fields)
    assert error.cause is cause
    assert "secret" not in error.detail


async def test_silence_in_the_middle_of_a_stream():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(EVENTS[0], end=False))
        await peer.request()

    assert (await failing(script, stream=True, idle_timeout=0.01)).cause is Cause.UPSTREAM_TIMEOUT


async def test_what_came_before_a_break_is_still_the_clients():
    async with upstream(answers(STREAM_HEAD + chunked(*EVENTS, end=False))) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(call(stream=True))
        assert reply.first == b"".join(EVENTS)
        with pytest.raises(BackendError):
            await anext(reply)


async def test_an_event_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(relay, "MOST_EVENT_BYTES", 1000)
    error = await failing(answers(STREAM_HEAD, *[chunked(b"data: " + b"x" * 600, end=False)] * 3), stream=True)
    assert error.cause is Cause.UPSTREAM_PROTOCOL


async def test_a_body_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(relay, "MOST_BODY", 1000)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"
    error = await failing(answers(head, *[b"x" * 600] * 5))
    assert error.cause is Cause.UPSTREAM_PROTOCOL


async def test_a_slow_reader_holds_the_backend_back():
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(EVENTS[0], end=False))
        for _ in range(400):
            await peer.send(chunked(b"data: " + b"x" * 20_000 + b"\n\n", end=False))
            sent += 1
        await peer.send(chunked(END))

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(call(stream=True))
        before = -1
        while before != sent:
            before = sent
            for _ in range(50):
                await asyncio.sleep(0)
        assert sent < 200
        size = len(await read(reply))
        assert size == len(EVENTS[0]) + 400 * 20_008 + len(END)
        await backend.aclose()


async def test_nobody_listens():
    backend = HttpBackend("fake", Path("/nonexistent/socket"))
    with pytest.raises(BackendError) as caught:
        await backend.open(call())
    assert caught.value.cause is Cause.UPSTREAM_CONNECT
    assert "/nonexistent" not in caught.value.detail


async def test_health():
    async with upstream(answers(plain(b"", "200 OK")), answers(plain(b"", "503 Loading")), answers()) as running:
        backend = HttpBackend("fake", running.path)
        assert [(await backend.health()).ready for _ in range(3)] == [True, False, False]
        assert running.requests[0].startswith(b"GET /health ")


async def test_only_known_fields_of_the_answer_are_shown():
    extra = (b"openai-processing-ms: 3", b"set-cookie: a=b", b"server: x", b"x-request-id: theirs")
    async with upstream(answers(plain(b"{}", "200 OK", *extra))) as running:
        reply = await HttpBackend("fake", running.path).open(call())
        assert reply.headers == (("openai-processing-ms", "3"),)
