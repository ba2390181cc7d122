"""An answer past its commit point: what passes, its tail, its end, and what becomes of its connection."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from backends.http.reply import TAIL, StreamReply, WholeReply
from gateway.routing.usage import Tokens, from_tail
from tests.fakes.upstream import STREAM_HEAD, chunked
from tests.unit.backends.http.wire import wired

END = b"data: [DONE]\n\n"
LAST = b"0\r\n\r\n"


def streaming(first: bytes = b"data: 1\n\n", *, terminator: bytes = b"[DONE]"):
    connection, wire = wired()
    connection.data_received(STREAM_HEAD + chunked(first, end=False))
    released = []
    reply = StreamReply(
        connection,
        connection.take(),
        "text/event-stream",
        (),
        idle_timeout=30.0,
        terminator=terminator,
        release=released.append,
    )
    reply._loop = connection._loop
    return reply, connection, wire, released


def send(connection, *pieces: bytes) -> None:
    for piece in pieces:
        connection.data_received(chunked(piece, end=False))


async def test_a_stream_that_ends_well_gives_its_connection_back_once():
    reply, connection, wire, released = streaming()
    assert (reply.status, reply.first, reply.complete) == (200, b"data: 1\n\n", False)
    send(connection, b"data: 2\n\n", END)
    connection.data_received(LAST)
    assert [piece async for piece in reply] == [b"data: 2\n\n" + END]
    assert [piece async for piece in reply] == []
    assert released == [connection]
    reply.aclose()
    assert not wire.aborted


async def test_a_stream_that_was_whole_at_once():
    reply, connection, _, released = streaming(b"data: 1\n\n" + END)
    connection.data_received(LAST)
    assert [piece async for piece in reply] == []
    assert released == [connection]


@pytest.mark.parametrize(
    "tail",
    [b"", b'data: {"content":"[DONE]"}\n\n', b'data: {"content":"\\ndata: [DONE]"}\n\n', b"data: [DO"],
    ids=["nothing", "in its words", "in its words, after a newline", "half"],
)
async def test_a_stream_without_its_last_event_is_broken(tail):
    reply, connection, wire, released = streaming()
    if tail:
        send(connection, tail)
    connection.data_received(LAST)
    if tail:
        assert await anext(reply) == tail
    with pytest.raises(BackendError) as caught:
        await anext(reply)
    assert caught.value.cause is Cause.STREAM_BROKEN
    assert (wire.aborted, released) == (1, [])
    with pytest.raises(StopAsyncIteration):
        await anext(reply)


async def test_a_stream_may_have_no_last_event():
    reply, connection, _, released = streaming(terminator=b"")
    connection.data_received(LAST)
    assert [piece async for piece in reply] == []
    assert released == [connection]


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (lambda connection: connection.connection_lost(None), Cause.STREAM_BROKEN),
        (lambda connection: connection.connection_lost(ConnectionResetError()), Cause.STREAM_BROKEN),
        (lambda connection: connection.data_received(b"zz\r\n"), Cause.UPSTREAM_PROTOCOL),
    ],
    ids=["end", "reset", "rubbish"],
)
async def test_what_came_before_a_break_comes_first(end, cause):
    reply, connection, wire, released = streaming()
    waiting = asyncio.ensure_future(anext(reply))
    await asyncio.sleep(0)
    send(connection, b"data: 2\n\n", b"data: 3\n\n")
    end(connection)
    assert await waiting == b"data: 2\n\ndata: 3\n\n"
    with pytest.raises(BackendError) as caught:
        await anext(reply)
    assert caught.value.cause is cause
    assert wire.aborted
    assert released == []


async def test_silence_in_a_stream_is_its_end():
    reply, connection, wire, _ = streaming()
    for _ in range(3):
        waiting = asyncio.ensure_future(anext(reply))
        await asyncio.sleep(0)
        connection._loop.at(connection._loop.now + 29)
        send(connection, b": sign of life\n\n")
        await waiting
    waiting = asyncio.ensure_future(anext(reply))
    await asyncio.sleep(0)
    connection._loop.at(connection._loop.now + 30)
    with pytest.raises(BackendError) as caught:
        await waiting
    assert caught.value.cause is Cause.UPSTREAM_TIMEOUT
    assert wire.aborted


async def test_an_error_event_ends_the_stream_whatever_the_backend_says_after_it():
    event = b'data: {"error":{"message":"out of memory"}}\n\n'
    reply, connection, wire, _ = streaming()
    send(connection, event, END)
    connection.data_received(LAST)
    with pytest.raises(BackendError) as caught:
        await anext(reply)
    assert (caught.value.cause, "out of memory" in caught.value.private) == (Cause.STREAM_BROKEN, True)
    assert wire.aborted


async def test_closing_ends_the_work_at_any_time():
    reply, _, wire, released = streaming()
    reply.aclose()
    reply.aclose()
    assert wire.aborted == 1
    with pytest.raises(StopAsyncIteration):
        await anext(reply)
    assert released == []


async def test_closing_while_another_task_reads():
    reply, connection, wire, _ = streaming()
    waiting = asyncio.ensure_future(anext(reply))
    await asyncio.sleep(0)
    reply.aclose()
    connection.connection_lost(None)
    with pytest.raises(BackendError):
        await waiting
    assert wire.aborted == 1


async def test_the_tail_of_a_stream_is_its_end_however_it_came():
    reply, connection, _, _ = streaming(b"data: first\n\n")
    stream = reply.first
    assert reply.usage_tail == stream
    for size in (10, TAIL - 1, TAIL, 3 * TAIL, 1, 100):
        piece = bytes(range(33, 33 + 64)) * (size // 64 + 1)
        send(connection, piece[:size])
        stream += await anext(reply)
        assert reply.usage_tail == stream[-TAIL:]


async def test_a_plain_answer_holds_nothing():
    reply = WholeReply(200, "application/json", (), b"{}")
    assert (reply.complete, reply.first, reply.usage_tail) == (True, b"{}", b"{}")
    assert [piece async for piece in reply] == []
    reply.aclose()


@pytest.mark.parametrize("first", [True, False], ids=["usage first", "usage last"])
@pytest.mark.parametrize("size", [10, TAIL, 5_000_000])
def test_usage_is_found_at_either_end_of_a_large_answer(first, size):
    usage, data = b'"usage":{"prompt_tokens":7,"completion_tokens":2}', b'"data":"%b"' % (b"x" * size)
    reply = WholeReply(200, "application/json", (), b"{" + b",".join((usage, data) if first else (data, usage)) + b"}")
    assert len(reply.usage_tail) <= 2 * TAIL
    assert from_tail(reply.usage_tail) == Tokens(7, 2)
