"""One connection, fed with bytes: where an answer begins and ends, what breaks it, what may follow it."""

import pytest

from backends.errors import BackendError, Cause
from backends.http.connection import MOST_HEAD_BYTES
from tests.fakes.upstream import STREAM_HEAD, chunked, plain
from tests.unit.backends.http.wire import OK, fed, wired

LATER = 1e9


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_plain_answer_in_any_pieces(size):
    answer = plain(b'{"a":1}')
    connection, wire = fed(*(answer[at : at + size] for at in range(0, len(answer), size)))
    assert wire.written == [b"request"]
    assert (connection.status, connection.complete, connection.take()) == (200, True, b'{"a":1}')
    assert connection.take() == b""
    assert (b"content-type", b"application/json") in connection.headers
    assert connection.reusable


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\ncontent-type: text/html\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_interim_answers_are_not_the_answer(interim, size):
    whole = interim + plain(b"{}", "201 Created")
    connection, _ = fed(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert (connection.status, connection.complete, connection.take()) == (201, True, b"{}")
    assert [value for name, value in connection.headers if name == b"content-type"] == [b"application/json"]


def test_an_interim_answer_alone_is_no_answer():
    connection, _ = fed(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert not connection.has_head
    assert not connection.complete
    connection.connection_lost(None)
    assert connection.error.cause is Cause.STREAM_BROKEN


def test_a_connection_serves_one_answer_after_the_other():
    connection, wire = fed(plain(b"1"))
    assert connection.take() == b"1"
    connection.send(b"again")
    assert (connection.status, connection.headers, connection.complete) == (0, [], False)
    connection.data_received(plain(b"2", "404 No"))
    assert (connection.status, connection.take(), connection.exchanges) == (404, b"2", 2)
    assert wire.written == [b"request", b"again"]


@pytest.mark.parametrize(
    "follows", [plain(b"forged"), b"HTT", b"\x00", plain(b"forged") * 2], ids=["an answer", "a part", "rubbish", "two"]
)
@pytest.mark.parametrize("together", [True, False])
def test_what_nobody_asked_for_is_no_part_of_any_answer(follows, together):
    first = plain(b"mine")
    connection, wire = fed(first + follows) if together else fed(first, follows)
    assert connection.error is None
    assert (connection.status, connection.take()) == (200, b"mine")
    assert wire.aborted
    assert not connection.reusable


def test_an_answer_before_the_request_is_not_the_answer():
    connection, _ = wired(send=False)
    connection.data_received(plain(b"forged"))
    connection.send(b"request")
    assert not connection.complete
    assert connection.take() == b""


@pytest.mark.parametrize(
    "bad",
    [
        b"SSH-2.0 hello\r\n",
        b"HTTP/1.1 99 Odd\r\n\r\n",
        b"HTTP/1.1 2000 Odd\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nab",
        OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        OK + b"x: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        OK + b"x: a\rset-cookie: b\r\ncontent-length: 0\r\n\r\n",
        OK + b"x: a\nset-cookie: b\r\ncontent-length: 0\r\n\r\n",
        OK + b"x: a\x00b\r\ncontent-length: 0\r\n\r\n",
        OK + b"x y: a\r\n\r\n",
        STREAM_HEAD + b"zz\r\n",
        STREAM_HEAD + b"-1\r\n",
        STREAM_HEAD + b"fffffffffffffffff\r\n",
        STREAM_HEAD + b"2\r\nabX\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nbytes",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\nbytes",
        OK + b"a: b\r\n" * 101 + b"\r\n",
        OK + b"a: " + b"b" * (MOST_HEAD_BYTES + 1) + b"\r\n\r\n",
    ],
    ids=lambda value: repr(value[-40:]),
)
def test_what_is_not_http_breaks_the_connection(bad):
    connection, wire = fed(bad)
    assert connection.error.cause is Cause.UPSTREAM_PROTOCOL
    assert wire.aborted
    assert not connection.reusable
    connection.connection_lost(None)
    assert connection.error.cause is Cause.UPSTREAM_PROTOCOL


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (OK + b"x: ", b"y" * 1000),
        (b"HTTP/1.1 200 ", b"reason " * 100),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (STREAM_HEAD + b"1;ext=", b"y" * 1000),
        (STREAM_HEAD + b"2\r\nab\r\n0\r\nx: ", b"y" * 1000),
        (STREAM_HEAD, b"0" * 1000),
    ],
    ids=["value", "reason", "interim", "chunk extension", "trailer", "chunk size"],
)
def test_bytes_that_are_no_body_are_bounded(begin, more):
    connection, wire = fed(begin)
    taken = connection.take()
    fed_bytes = 0
    while not wire.aborted and fed_bytes < 10 * MOST_HEAD_BYTES:
        connection.data_received(more)
        fed_bytes += len(more)
    assert fed_bytes <= MOST_HEAD_BYTES + 2 * len(more)
    assert connection.error.cause is Cause.UPSTREAM_PROTOCOL
    assert taken in (b"", b"ab")


def test_framing_in_pieces_of_its_own_is_not_held_against_a_long_stream():
    connection, _ = fed(STREAM_HEAD)
    for _ in range(MOST_HEAD_BYTES // 4):
        for piece in (b"4\r\n", b"abcd", b"\r\n"):
            connection.data_received(piece)
        assert connection.take() == b"abcd"
    connection.data_received(b"0\r\n\r\n")
    assert connection.complete
    assert connection.error is None


def test_trailers_are_dropped():
    connection, _ = fed(STREAM_HEAD, b"2\r\nab\r\n0\r\nset-cookie: a\r\ncontent-type: text/html\r\n\r\n")
    assert connection.complete
    assert dict(connection.headers) == {b"content-type": b"text/event-stream", b"transfer-encoding": b"chunked"}
    assert connection.reusable


def test_a_body_may_end_with_its_connection():
    connection, _ = fed(OK + b"content-type: application/json\r\n\r\n", b'{"a":', b"1}")
    assert not connection.complete
    connection.connection_lost(None)
    assert (connection.complete, connection.error, connection.take()) == (True, None, b'{"a":1}')
    assert not connection.reusable


@pytest.mark.parametrize(
    ("pieces", "end", "cause"),
    [
        ((), None, Cause.STREAM_BROKEN),
        ((), ConnectionResetError(), Cause.UPSTREAM_CONNECT),
        ((), BrokenPipeError(), Cause.UPSTREAM_CONNECT),
        ((b"HTTP/1.1 2",), None, Cause.STREAM_BROKEN),
        ((b"HTTP/1.1 2",), ConnectionResetError(), Cause.STREAM_BROKEN),
        ((OK + b"content-length: 9\r\n\r\n", b"half"), None, Cause.STREAM_BROKEN),
        ((STREAM_HEAD, chunked(b"a", end=False)), None, Cause.STREAM_BROKEN),
        ((OK + b"\r\n", b"body"), ConnectionResetError(), Cause.STREAM_BROKEN),
    ],
    ids=["clean", "reset", "pipe", "in the head", "reset in the head", "short", "no last chunk", "reset in a body"],
)
def test_an_end_too_early_has_its_cause(pieces, end, cause):
    connection, _ = fed(*pieces)
    connection.connection_lost(end)
    assert connection.error.cause is cause
    assert not connection.complete
    assert connection.closed


def test_our_own_end_does_not_complete_an_answer():
    connection, _ = fed(OK + b"\r\n", b"body")
    connection.abort()
    connection.connection_lost(None)
    assert not connection.complete


async def test_a_request_on_a_dead_connection_fails_at_once():
    connection, wire = wired(send=False)
    connection.connection_lost(None)
    connection.send(b"request")
    with pytest.raises(BackendError) as caught:
        await connection.wait(LATER)
    assert caught.value.cause is Cause.UPSTREAM_CONNECT
    assert wire.written == []
