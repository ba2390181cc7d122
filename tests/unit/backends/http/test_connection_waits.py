"""When a connection may be used again, how much waits in it, who wakes when, and its one timer."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from backends.http.connection import HIGH_WATER
from tests.fakes.upstream import STREAM_HEAD, chunked, plain
from tests.unit.backends.http.wire import OK, fed, wired

LATER = 1e9


@pytest.mark.parametrize(
    ("answer", "unsent", "reusable"),
    [
        (plain(), 0, True),
        (plain(), 1, False),
        (plain(b"{}", "200 OK", b"connection: close"), 0, False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 0, False),
        (OK + b"content-length: 9\r\n\r\nhalf", 0, False),
        (b"", 0, False),
    ],
    ids=["whole", "request not out yet", "close", "1.0", "half", "nothing"],
)
def test_a_connection_is_used_again_after_a_clean_end_only(answer, unsent, reusable):
    connection, wire = fed(answer)
    wire.unsent = unsent
    assert connection.reusable is reusable


def test_what_waits_is_bounded():
    connection, wire = fed(STREAM_HEAD)
    piece = b"x" * 65536
    pieces = 0
    while wire.reading:
        connection.data_received(chunked(piece, end=False))
        pieces += 1
    assert HIGH_WATER < connection.buffered <= HIGH_WATER + len(piece)
    assert connection.take() == piece * pieces
    assert wire.reading
    assert connection.buffered == 0


async def test_a_waiter_wakes_for_bytes_and_for_the_end():
    for wake in (
        lambda c: c.data_received(plain()),
        lambda c: c.connection_lost(None),
        lambda c: c.data_received(b"?"),
    ):
        connection, _ = wired()
        waiting = asyncio.ensure_future(connection.wait(LATER))
        await asyncio.sleep(0)
        wake(connection)
        await asyncio.wait((waiting,))
        assert (waiting.exception() is None) == connection.complete


async def test_silence_ends_the_connection_at_its_deadline():
    connection, wire = wired()
    waiting = asyncio.ensure_future(connection.wait(150.0))
    await asyncio.sleep(0)
    connection._loop.at(149.9)
    assert not wire.aborted
    connection._loop.at(150.0)
    with pytest.raises(BackendError) as caught:
        await waiting
    assert caught.value.cause is Cause.UPSTREAM_TIMEOUT
    assert wire.aborted == 1
    assert connection.closed
    connection.connection_lost(None)
    assert connection.error.cause is Cause.UPSTREAM_TIMEOUT


async def test_one_timer_serves_a_whole_stream():
    connection, wire = fed(STREAM_HEAD)
    loop = connection._loop
    for number in range(5):
        waiting = asyncio.ensure_future(connection.wait(loop.now + 50))
        await asyncio.sleep(0)
        connection.data_received(chunked(b"%d" % number, end=False))
        await waiting
        connection.take()
        loop.now += 5
    assert len(loop.timers) == 1
    loop.at(150.0)  # its time has come, but nobody waits
    assert loop.running == []
    waiting = asyncio.ensure_future(connection.wait(200.0))
    await asyncio.sleep(0)
    loop.now = 160.0
    connection.data_received(chunked(b"a", end=False))
    await waiting
    waiting = asyncio.ensure_future(connection.wait(210.0))
    await asyncio.sleep(0)
    loop.at(200.0)  # the deadline has moved since
    assert not waiting.done()
    assert [timer.when() for timer in loop.running] == [210.0]
    loop.at(210.0)
    with pytest.raises(BackendError):
        await waiting
    assert wire.aborted


async def test_an_earlier_deadline_holds():
    connection, _ = wired()
    for deadline in (500.0, 120.0):
        waiting = asyncio.ensure_future(connection.wait(deadline))
        await asyncio.sleep(0)
        if deadline == 500.0:
            connection.data_received(b"HTTP/1.1 ")
            await waiting
    assert [timer.when() for timer in connection._loop.running] == [120.0]
    connection._loop.at(120.0)
    with pytest.raises(BackendError):
        await waiting


async def test_a_waiter_that_is_cancelled_leaves_nothing_behind():
    connection, wire = wired()
    waiting = asyncio.ensure_future(connection.wait(150.0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    connection.data_received(plain())
    assert connection.take() == b'{"ok":true}'
    connection._loop.at(150.0)
    assert connection._loop.running == []
    assert not wire.aborted


async def test_one_timer_serves_one_request_after_another():
    connection, _ = wired()
    for _ in range(5):
        connection.send(b"a request")
        waiting = asyncio.ensure_future(connection.wait(connection._loop.now + 50))
        await asyncio.sleep(0)
        connection.data_received(plain())
        await waiting
        connection.take()
        connection._loop.now += 1
    assert len(connection._loop.timers) == 1
    connection.abort()
    assert connection._loop.running == []


async def test_aborting_twice_is_once():
    connection, wire = wired()
    waiting = asyncio.ensure_future(connection.wait(150.0))
    await asyncio.sleep(0)
    connection.abort()
    connection.abort()
    connection.connection_lost(None)
    with pytest.raises(BackendError):
        await waiting
    assert wire.aborted == 1
    assert connection._loop.running == []
    assert connection.eof_received() is None
