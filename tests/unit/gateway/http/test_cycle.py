"""One answer on a connection: how it is framed, what is refused, and how few writes it takes."""

import asyncio

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from gateway.http.cycle import Cycle


class Wire(asyncio.Transport):
    """Keeps every write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Exchange:
    """A cycle, its wire, and whether the listener was told of the end."""

    def __init__(self, method: str = "POST", *, keep_alive: bool = True, expects: bool = False) -> None:
        self.wire = Wire()
        self.flow = FlowControl(self.wire)
        self.ended = 0
        sent = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        scope = {"type": "http", "method": method, "path": "/", "headers": []}
        self.cycle = Cycle(
            scope, self.wire, self.flow, self._end, sent, keep_alive=keep_alive, expect_100_continue=expects
        )

    def _end(self) -> None:
        self.ended += 1

    async def answer(self, *bodies: bytes, status: int = 200, headers: tuple = ()) -> bytes:
        await self.cycle.send({"type": "http.response.start", "status": status, "headers": headers})
        assert self.wire.writes == [], "a head waits for its body"
        for number, body in enumerate(bodies, 1):
            await self.cycle.send({"type": "http.response.body", "body": body, "more_body": number < len(bodies)})
        return b"".join(self.wire.writes)


async def test_a_plain_answer_is_one_write_the_first_time_and_every_time():
    for _ in range(3):
        exchange = Exchange()
        headers = ((b"Content-Type", b"text/plain"), (b"content-length", b"2"), (b"x-request-id", b"req_1"))
        await exchange.answer(b"ok", headers=headers)
        assert exchange.wire.writes == [
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nx-request-id: req_1\r\n\r\nok"
        ]
        assert exchange.ended == 1
        assert not exchange.wire.closed


async def test_an_answer_of_unknown_length_is_chunked_and_its_head_goes_with_the_first_piece():
    exchange = Exchange()
    await exchange.answer(b"one", b"three", b"")
    assert exchange.wire.writes == [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        b"5\r\nthree\r\n",
        b"0\r\n\r\n",
    ]


async def test_an_answer_that_says_it_is_chunked_is_so_once():
    written = await Exchange().answer(b"a", headers=((b"transfer-encoding", b"chunked"),))
    assert written == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"


async def test_head_and_statuses_without_a_body_send_none():
    written = await Exchange("HEAD").answer(b"unseen", headers=((b"content-length", b"6"),))
    assert written == b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"
    assert await Exchange().answer(b"", status=204) == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_the_last_answer_says_close_once_and_closes(keep_alive: bool):
    exchange = Exchange(keep_alive=keep_alive)
    headers = ((b"content-length", b"0"), *(((b"connection", b"Close"),) if keep_alive else ()))
    written = await exchange.answer(b"", headers=headers)
    assert written.count(b"connection: close\r\n") == 1
    assert exchange.wire.closed


@pytest.mark.parametrize(
    "field",
    [(b"x-a", b"b\r\nset-cookie: c"), (b"x-a", b"\x00"), (b"x-request-id", b"a\nb"), (b"x a", b"b")],
)
async def test_a_header_that_would_split_the_answer_is_refused_every_time(field):
    for _ in range(2):
        exchange = Exchange()
        with pytest.raises(RuntimeError, match="Invalid HTTP header"):
            await exchange.answer(b"", headers=(field,))
        assert exchange.wire.writes == []


@pytest.mark.parametrize(("body", "words"), [(b"abc", "longer"), (b"a", "shorter")])
async def test_a_body_that_is_not_as_long_as_said_is_a_defect(body, words):
    with pytest.raises(RuntimeError, match=words):
        await Exchange().answer(body, headers=((b"content-length", b"2"),))


async def test_messages_out_of_order_are_defects():
    exchange = Exchange()
    with pytest.raises(RuntimeError, match="before the head"):
        await exchange.cycle.send({"type": "http.response.body", "body": b""})
    await exchange.answer(b"a", b"b")
    with pytest.raises(RuntimeError, match="after the end"):
        await exchange.cycle.send({"type": "http.response.body", "body": b""})
    exchange = Exchange()
    await exchange.answer()
    with pytest.raises(RuntimeError, match="in the middle"):
        await exchange.cycle.send({"type": "http.response.start", "status": 200, "headers": ()})


async def test_a_body_is_given_as_it_comes_then_the_end_of_the_answer():
    exchange = Exchange()
    cycle = exchange.cycle
    waiting = asyncio.ensure_future(cycle.receive())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert cycle.feed(b"one") == 3
    assert await waiting == {"type": "http.request", "body": b"one", "more_body": True}
    assert cycle.feed(b"two") == 3
    assert cycle.feed(b"three") == 8
    cycle.end()
    assert await cycle.receive() == {"type": "http.request", "body": b"twothree", "more_body": False}
    waiting = asyncio.ensure_future(cycle.receive())
    await asyncio.sleep(0)
    assert not waiting.done(), "nothing more is to come until the answer is over"
    await exchange.answer(b"")
    assert await waiting == {"type": "http.disconnect"}


async def test_a_client_that_left_gets_nothing_more_and_is_reported():
    exchange = Exchange()
    await exchange.answer(b"a", b"")
    exchange = Exchange()
    waiting = asyncio.ensure_future(exchange.cycle.receive())
    await asyncio.sleep(0)
    exchange.cycle.lost()
    assert await waiting == {"type": "http.disconnect"}
    await exchange.answer(b"a")
    assert exchange.wire.writes == []
    assert exchange.ended == 0


async def test_the_body_is_asked_for_only_when_somebody_wants_it():
    exchange = Exchange(expects=True)
    exchange.cycle.end()
    await exchange.cycle.receive()
    assert exchange.wire.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    refused = Exchange(expects=True)
    assert b"100 Continue" not in await refused.answer(b"", status=413)


async def test_a_client_that_is_far_behind_is_waited_for():
    exchange = Exchange()
    await exchange.cycle.send({"type": "http.response.start", "status": 200, "headers": ()})
    exchange.flow.pause_writing()
    sending = asyncio.ensure_future(exchange.cycle.send({"type": "http.response.body", "body": b"a"}))
    await asyncio.sleep(0)
    assert exchange.wire.writes == []
    exchange.flow.resume_writing()
    await sending
    assert exchange.ended == 1
