"""Answers given before the body is here, and requests that offer an upgrade: the client gets its answer, no more."""

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager

import pytest

from gateway.http.listener import HANGUP
from tests.fakes.gateway import engine_profile, running_gateway
from tests.security.test_framing import answer_ok, listening, status_of

KEY = "operator-key-of-this-test"
CHAT = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n" % KEY.encode()
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"


@asynccontextmanager
async def connected(port: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(30):
            yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the next answer on the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


def port_of(gateway) -> int:
    return int(gateway.address.rsplit(":", 1)[1])


@pytest.mark.parametrize(
    ("key", "kind", "size", "status"),
    [
        ("wrong", "application/json", 8_000_000, 401),
        (KEY, "text/plain", 8_000_000, 415),
        (KEY, "application/json", 40_000_000, 413),
    ],
)
async def test_a_client_in_the_middle_of_a_large_body_still_gets_its_answer(key, kind, size, status):
    async with running_gateway({"m": engine_profile("m")}, api_key=KEY) as gateway:
        headers = {"authorization": f"Bearer {key}", "content-type": kind}
        for _ in range(3):
            got = await gateway.client.post("/v1/chat/completions", content=b"x" * size, headers=headers)
            assert got.status_code == status


async def test_the_rest_of_a_refused_body_is_not_read_as_a_request():
    async with (
        running_gateway({"m": engine_profile("m")}, api_key=KEY) as gateway,
        connected(port_of(gateway)) as (r, w),
    ):
        inner = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3_000
        w.write(POST + b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(inner))
        assert (await answer(r))[0] == 415
        w.write(inner)
        w.write(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await answer(r) == (200, b'{"status":"ready"}')


async def refuse_at_once(scope, receive, send):
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def test_a_refused_body_that_never_ends_is_cut_off():
    async with listening(refuse_at_once, linger_bytes=300_000) as port, connected(port) as (r, w):
        w.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n")
        assert (await answer(r))[0] == 401
        w.write(b"x" * 1_000_000)
        with contextlib.suppress(ConnectionError):
            while await r.read(65_536):
                pass


async def test_a_refused_body_that_does_not_come_meets_the_deadline():
    async with listening(refuse_at_once, head_deadline=0.3) as port, connected(port) as (r, w):
        w.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
        assert (await answer(r))[0] == 401
        assert await r.read() == b""


@pytest.mark.parametrize(
    ("sent", "status", "param"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + b"a" * 8_000_000 + b"\r\n\r\n", 431, "headers"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Many: a\r\n" * 100_000 + b"\r\n", 431, "headers"),
        (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "url"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "host"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "host"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, None),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "framing",
        ),
        (b"nonsense\r\n\r\n" + b"x" * 1_000_000, 400, None),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", 408, "headers"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
async def test_a_head_that_is_refused_is_answered_in_the_envelope_however_much_more_comes(sent, status, param):
    async with listening(answer_ok, head_deadline=0.5) as port:
        for _ in range(3):
            async with connected(port) as (r, w):
                w.write(sent)
                got, body = await answer(r)
                assert (got, json.loads(body)["error"]["param"]) == (status, param)
                assert json.loads(body)["error"].keys() == {"message", "type", "param", "code"}
                w.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                with contextlib.suppress(ConnectionError):
                    assert await r.read() == b"", "nothing more is answered"


async def test_a_refused_client_that_does_not_leave_is_left():
    async with listening(answer_ok, connections=1) as port, connected(port) as (r, w):
        w.write(b"nonsense\r\n\r\n")
        assert (await answer(r))[0] == 400
        assert await r.read() == b""
        async with asyncio.timeout(20):
            while await status_of(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") != 200:
                await asyncio.sleep(0)


async def test_nonsense_behind_a_request_in_progress_ends_the_connection():
    begun, gone = asyncio.Event(), asyncio.Event()

    async def held(scope, receive, send):
        scope[HANGUP].callback = gone.set
        begun.set()
        await gone.wait()

    async with listening(held) as port, connected(port) as (r, w):
        w.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await begun.wait()
        w.write(b"nonsense\r\n\r\n")
        assert (await answer(r))[0] == 400
        assert await r.read() == b""
        await gone.wait()


async def test_a_body_behind_a_pipelined_request_is_not_taken_for_a_head():
    release = asyncio.Event()

    async def first_waits(scope, receive, send):
        if scope["path"] == "/first":
            await release.wait()
        await answer_ok(scope, receive, send)

    async with listening(first_waits, head_deadline=0.3) as port, connected(port) as (r, w):
        w.write(b"GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n")
        w.write(b"POST /second HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"x" * 10_000)
        await w.drain()
        release.set()
        assert await answer(r) == (200, b"ok")
        w.write(b"x" * 90_000)
        assert await answer(r) == (200, b"ok")


@pytest.mark.parametrize("pieces", [1, 2, 7])
async def test_a_client_that_offers_h2c_is_served_with_its_body_again_and_again(pieces):
    """Java's HttpClient does so with every request."""
    async with (
        running_gateway({"m": engine_profile("m")}, api_key=KEY) as gateway,
        connected(port_of(gateway)) as (r, w),
    ):
        sent = POST + H2C + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(CHAT) + CHAT
        for _ in range(3):
            for at in range(0, len(sent), step := -(-len(sent) // pieces)):
                w.write(sent[at : at + step])
                await w.drain()
                await asyncio.sleep(0)
            status, body = await answer(r)
            assert status == 200, body


async def test_an_offer_with_chunks_and_without_a_body_and_many_at_once():
    bodies = []

    async def keep(scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        bodies.append((scope["method"], scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with listening(keep) as port, connected(port) as (r, w):
        head = b"PUT /a HTTP/1.1\r\nHost: localhost\r\n" + H2C
        w.write(head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert await answer(r) == (200, b"")
        w.write((b"GET /b HTTP/1.1\r\nHost: localhost\r\n" + H2C + b"\r\n") * 500)
        for _ in range(500):
            assert await answer(r) == (200, b"")
        w.write(b"GET /c HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await answer(r) == (200, b"")
        assert bodies == [("PUT", "/a", b"abcde"), *[("GET", "/b", b"")] * 500, ("GET", "/c", b"")]
        w.write(b"nonsense\r\n\r\n")
        assert (await answer(r))[0] == 400
