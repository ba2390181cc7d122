"""Calls to a backend of raw bytes: the commit point, what comes through unchanged, what is asked for."""

import asyncio
from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from backends.http.relay import HttpBackend
from tests.fakes.upstream import DEADLINE, STREAM_HEAD, Peer, chunked, plain, upstream
from tests.unit.backends.http.calls import BODY, END, EVENTS, answers, call, read


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


@pytest.mark.parametrize("status", ["400 Bad", "429 Slow down", "500 Oh", "302 Elsewhere"])
async def test_a_refusal_keeps_its_connection(status):
    async with upstream(answers(plain(b"{}", status, b"location: http://localhost/"), times=3)) as running:
        backend = HttpBackend("fake", running.path)
        for stream in (False, True, False):
            with pytest.raises(BackendError) as caught:
                await backend.open(call(stream=stream))
            assert caught.value.upstream_status == int(status[:3])
        assert len(running.peers) == 1
        await backend.aclose()


async def test_two_answers_at_once_are_one_answer():
    async with upstream(answers(plain(b'"mine"') + plain(b'"forged"'), times=2)) as running:
        backend = HttpBackend("fake", running.path)
        for _ in range(2):
            assert (await backend.open(call())).first == b'"mine"'
        assert len(running.peers) == 2
        await backend.aclose()


async def test_a_stream_of_another_success_is_a_stream_too():
    wire = STREAM_HEAD.replace(b"200 OK", b"201 Created") + chunked(EVENTS[0], END)
    async with upstream(answers(wire)) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(call(stream=True))
        assert not reply.complete
        assert await read(reply) == EVENTS[0] + END
        await backend.aclose()


async def test_a_body_until_the_end_of_the_connection():
    head = b"HTTP/1.0 200 OK\r\ncontent-type: %b\r\n\r\n"
    plainly, streamed = answers(head % b"application/json", b'{"a":', b"1}"), answers(head % b"text/event-stream", END)
    async with upstream(plainly, streamed) as running:
        backend = HttpBackend("fake", running.path)
        assert (await backend.open(call())).first == b'{"a":1}'
        assert await read(await backend.open(call(stream=True))) == END
        await backend.aclose()


async def test_over_tcp_to_a_url():
    async with upstream(answers(plain(), times=2), tcp=True) as running:
        backend = HttpBackend("fake", running.target)
        for _ in range(2):
            assert (await backend.open(call())).status == 200
        assert len(running.peers) == 1
        host = running.target.removeprefix("http://").removesuffix("/v1").encode()
        assert b"host: " + host + b"\r\n" in running.requests[0]
        assert running.requests[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"accept-encoding: identity\r\n" in running.requests[0]
        await backend.aclose()


async def test_requests_of_many_kinds_cost_no_memory():
    async with upstream(answers(plain(), times=300)) as running:
        backend = HttpBackend("fake", running.path)
        for number in range(200):
            await backend.open(call(path=f"/v1/videos/{number}"))
        assert len(backend._heads) <= 64
        assert running.requests[-1].startswith(b"POST /v1/videos/199 ")
        await backend.aclose()


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


async def test_a_health_check_leaves_no_connection_behind():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(b""))
        await peer.left()

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path, health_path="/ready")
        assert (await backend.health()).ready
        async with asyncio.timeout(DEADLINE):
            await running.peers[0].gone.wait()
        assert running.requests[0].startswith(b"GET /ready ")
        assert backend._pool.take() is None


async def test_only_known_fields_of_the_answer_are_shown():
    extra = (b"openai-processing-ms: 3", b"set-cookie: a=b", b"server: x", b"x-request-id: theirs")
    async with upstream(answers(plain(b"{}", "200 OK", *extra))) as running:
        reply = await HttpBackend("fake", running.path).open(call())
        assert reply.headers == (("openai-processing-ms", "3"),)
