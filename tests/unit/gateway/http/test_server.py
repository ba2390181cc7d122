"""The server around the application: who may listen, when it says so, and how it ends."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar.types import Receive, Scope, Send

from backends.errors import BackendError, Cause
from gateway.http.server import _Server, bind, make_server, run
from gateway.settings import Settings


class App:
    """Answers at once, except ``/slow``, which waits for ``door``. ``refusal`` is why it does not start."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.door = asyncio.Event()
        self.working = asyncio.Event()
        self.seen: list[str] = []
        self.shut_down = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        if path == "/slow":
            self.working.set()
            try:
                await self.door.wait()
            except asyncio.CancelledError:
                self.seen.append("cut")
                raise
        body = b"draining" if "drain" in self.seen else b"ok"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self.refusal is not None:
            try:
                raise ExceptionGroup("as Litestar wraps it", [self.refusal])
            except ExceptionGroup:
                await send({"type": "lifespan.startup.failed", "message": "Traceback: secret"})
                raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.shut_down = True
        await send({"type": "lifespan.shutdown.complete"})

    def begin_drain(self) -> None:
        if "drain" not in self.seen:
            self.seen.append("drain")

    def hurry(self) -> None:
        self.seen.append("hurry")


def settings(**given: object) -> Settings:
    return Settings(**{"host": "127.0.0.1", "port": 0, "drain_window": 60, **given})


class Served:
    def __init__(self, app: App, server: _Server, task: "asyncio.Task[None]", client: httpx.AsyncClient) -> None:
        self.app = app
        self.server = server
        self.task = task
        self.client = client

    def signal(self) -> None:
        """As the operating system calls it."""
        self.server.handle_exit(signal.SIGTERM, None)

    async def ended(self) -> None:
        async with asyncio.timeout(30):
            await self.task


@asynccontextmanager
async def serving(**given: object) -> AsyncIterator[Served]:
    app, chosen = App(), settings(**given)
    listener = bind(chosen)
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = make_server(app, chosen, listener, address.set_result)
    task = asyncio.create_task(server._serve([listener]))
    async with asyncio.timeout(30), httpx.AsyncClient(timeout=30) as client:
        client.base_url = await address
        served = Served(app, server, task, client)
        try:
            yield served
        finally:
            app.door.set()
            served.signal()
            await served.ended()


async def test_requests_accepted_before_the_drain_end_and_later_ones_are_still_answered() -> None:
    async with serving() as served:
        slow = asyncio.create_task(served.client.get("/slow"))
        await served.app.working.wait()
        served.signal()
        while "drain" not in served.app.seen:
            await asyncio.sleep(0)
        async with httpx.AsyncClient(base_url=served.client.base_url) as other:
            assert (await other.get("/")).text == "draining"
        assert not slow.done()
        served.app.door.set()
        assert (await slow).status_code == 200
        await served.ended()
        assert served.app.shut_down
        assert served.app.seen == ["drain"]
        with pytest.raises(httpx.ConnectError):
            await served.client.get("/")


async def test_the_end_of_the_window_cuts() -> None:
    async with serving(drain_window=0.05) as served:
        slow = asyncio.create_task(served.client.get("/slow"))
        await served.app.working.wait()
        served.signal()
        await served.ended()
        assert served.app.seen == ["drain", "cut"]
        assert served.app.shut_down
        await asyncio.gather(slow, return_exceptions=True)


async def test_a_second_signal_cuts_and_hurries_and_a_third_changes_nothing() -> None:
    async with serving() as served:
        slow = asyncio.create_task(served.client.get("/slow"))
        await served.app.working.wait()
        for _ in range(3):
            served.signal()
        await served.ended()
        assert served.app.seen == ["drain", "hurry", "cut"]
        assert served.app.shut_down, "in order, also in a hurry"
        await asyncio.gather(slow, return_exceptions=True)


def test_a_signal_before_there_is_a_loop_ends_the_start() -> None:
    chosen = settings()
    with bind(chosen) as listener:
        server = make_server(App(), chosen, listener, print)
        server.handle_exit(signal.SIGINT, None)
        assert server.should_exit
        assert server.failure is None


def test_a_start_that_fails_for_a_known_reason_raises_it(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = BackendError(Cause.STORAGE, "another gateway is here")
    chosen = settings()
    with pytest.raises(BackendError) as caught:
        run(App(refusal), chosen, bind(chosen), lambda address: pytest.fail(address))
    assert caught.value is refusal
    assert "secret" not in capsys.readouterr().err


def test_a_start_that_fails_for_another_reason_says_so(caplog: pytest.LogCaptureFixture) -> None:
    chosen = settings()
    assert run(App(ZeroDivisionError()), chosen, bind(chosen), lambda address: pytest.fail(address)) is False
    assert "Traceback: secret" in caplog.text


def test_a_port_that_is_taken_is_refused_before_anything_starts() -> None:
    with bind(settings()) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BackendError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use") as caught:
            bind(settings(port=port))
        assert caught.value.cause is Cause.INVALID_REQUEST


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BackendError, match=r"cannot listen on 192\.0\.2\.1"):
        bind(settings(host="192.0.2.1"))


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_an_ipv6_address_is_shown_in_brackets() -> None:
    try:
        listener = bind(settings(host="::1"))
    except BackendError:
        pytest.skip("no IPv6 loopback here")
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = make_server(App(), settings(host="::1"), listener, address.set_result)
    task = asyncio.create_task(server._serve([listener]))
    assert (await address).startswith("http://[::1]:")
    server.handle_exit(signal.SIGTERM, None)
    await task
