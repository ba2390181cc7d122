"""The listener against hostile bytes. The rows are what uvicorn 0.54 answered 200 to, or held open, before."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvicorn

from gateway.http.listener import HANGUP, ListenerLimits, protocol

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@asynccontextmanager
async def listening(app, **limits):
    config = uvicorn.Config(
        app,
        http=protocol(ListenerLimits(**limits)),
        port=0,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.005)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def answer_ok(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def status_of(port: int, sent: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(20):
        line = await reader.readline()
    writer.close()
    return int(line.split()[1]) if line else 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"\r\n", 200),
        (HEAD + b"X-Big: " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
        (HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(20_000)) + b"\r\n", 431),
        (HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(99)) + b"\r\n", 200),
        (HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(100)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"Host: localhost\r\n\r\n", 400),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"X: a\r\n b\r\n\r\n", 400),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
    ids=lambda value: repr(value[:48]) if isinstance(value, bytes) else str(value),
)
async def test_framing_is_strict(sent, status):
    async with listening(answer_ok) as port:
        assert await status_of(port, sent) == status


async def test_dripped_head_and_silence_meet_the_deadline():
    async with listening(answer_ok, head_deadline=0.3) as port:
        assert await status_of(port, b"") == 408
        assert await status_of(port, HEAD + b"X-Slow: ") == 408


async def test_deadline_is_for_the_head_only():
    release = asyncio.Event()

    async def slow(scope, receive, send):
        await release.wait()
        await answer_ok(scope, receive, send)

    async with listening(slow, head_deadline=0.05) as port:
        answer = asyncio.create_task(status_of(port, HEAD + b"\r\n"))
        await asyncio.sleep(0.2)  # longer than the deadline, which must not fire any more
        release.set()
        assert await answer == 200


async def test_keep_alive_serves_several_requests_and_each_head_is_bounded():
    async with listening(answer_ok) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(50):
            writer.write(HEAD + b"X-Pad: " + b"a" * 2_000 + b"\r\n\r\n")
            async with asyncio.timeout(20):
                assert b" 200 " in await reader.readline()
                await reader.readuntil(b"\r\n\r\nok")
        writer.close()


async def test_connections_past_the_limit_are_closed_and_it_recovers():
    async with listening(answer_ok, connections=2) as port:
        first = await asyncio.open_connection("127.0.0.1", port)
        second = await asyncio.open_connection("127.0.0.1", port)
        assert await status_of(port, HEAD + b"\r\n") == 0
        first[1].close()
        second[1].close()
        async with asyncio.timeout(20):
            while await status_of(port, HEAD + b"\r\n") != 200:
                await asyncio.sleep(0.01)


async def test_hangup_is_signalled_once_the_client_is_gone():
    gone = asyncio.Event()
    begun = asyncio.Event()

    async def wait_for_hangup(scope, receive, send):
        scope[HANGUP].callback = gone.set
        begun.set()
        await gone.wait()

    async with listening(wait_for_hangup) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        async with asyncio.timeout(20):
            await begun.wait()
            writer.transport.abort()
            await gone.wait()


async def test_hangup_is_signalled_to_the_request_in_progress_also_when_others_are_pipelined_behind_it():
    begun, gone, asked = asyncio.Event(), asyncio.Event(), []

    async def wait_for_hangup(scope, receive, send):
        asked.append(scope["path"])
        if scope["path"] == "/":
            await answer_ok(scope, receive, send)
            return
        scope[HANGUP].callback = gone.set
        begun.set()
        await gone.wait()

    async with listening(wait_for_hangup) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((HEAD + b"\r\n") * 3 + HEAD.replace(b"/ ", b"/held ") + b"\r\n" + (HEAD + b"\r\n") * 3)
        async with asyncio.timeout(20):
            await begun.wait()
            writer.transport.abort()
            await gone.wait()
        assert asked == ["/"] * 3 + ["/held"], "what waited behind it is not begun"


async def test_a_reader_that_stalls_is_dropped():
    dropped = asyncio.Event()

    async def flood(scope, receive, send):
        scope[HANGUP].callback = dropped.set
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not dropped.is_set():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})

    async with listening(flood, write_stall=0.2) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(HEAD + b"\r\n")
        reader._transport.pause_reading()
        async with asyncio.timeout(20):
            await dropped.wait()
        writer.close()


async def test_a_reader_that_is_only_slow_gets_everything():
    chunk = b"x" * 16_000_000

    async def large(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"32000000")]})
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": chunk})

    async with listening(large, write_stall=60) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65_536)
        for _ in range(2):
            writer.write(HEAD + b"\r\n")
            async with asyncio.timeout(60):
                await reader.readuntil(b"\r\n\r\n")
                assert len(await reader.readexactly(32_000_000)) == 32_000_000
        writer.close()
