"""The edge with real parts and without engines: an application in, ASGI messages out, lines and counts to look at."""

import asyncio
import io

from msgspec.json import decode

from gateway.http.body import BodyLimits
from gateway.http.edge import Edge
from gateway.http.listener import HANGUP, Hangup
from gateway.http.origin import OriginRules
from gateway.http.replies import exchange_of
from gateway.http.services import Lifetime
from gateway.keys.ring import KeyRing
from gateway.settings import Settings
from gateway.telemetry.logs import Logging
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.recorder import Recorder

KEY = "operator-key-of-this-test"


class Parts:
    """What the edge needs of the services: the real parts, without engines."""

    def __init__(self, *, key: str | None = None, **settings: object) -> None:
        self.settings = Settings(**settings)
        self.keys = KeyRing(operator_secret=key)
        self.origin = OriginRules((), ("https://app.example",), public=False)
        self.metrics = Metrics("test")
        self.recorder = Recorder(self.metrics)
        self.stream = io.StringIO()
        self.logs = Logging("ERROR", "json", access=True, stream=self.stream)
        self.access = self.logs.access
        self.lifetime = Lifetime()
        self.body_limits = BodyLimits(most_bytes=100, deadline=1)

    def lines(self) -> list[dict]:
        self.logs._listener.start()
        self.access.flush()
        self.logs._listener.stop()
        return [decode(line) for line in self.stream.getvalue().splitlines()]


class Answer:
    """What came out of ``send``."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def send(self, message) -> None:
        if message["type"] == "http.response.start":
            assert self.status == 0, "one head"
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            assert self.status, "the head comes first"
            self.body += message["body"]

    @property
    def error(self) -> dict:
        return decode(self.body)["error"]


def scope(
    path: str = "/v1/models", method: str = "GET", *headers: tuple[bytes, bytes], host: bytes = b"localhost"
) -> dict:
    return {"type": "http", "method": method, "path": path, "headers": [(b"host", host), *headers], HANGUP: Hangup()}


async def ok(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def nothing() -> dict:
    return {"type": "http.request", "body": b"", "more_body": False}


async def ask(edge: Edge, given: dict) -> Answer:
    answer = Answer()
    async with asyncio.timeout(20):
        await edge(given, nothing, answer.send)
    return answer


async def waiting(edge: Edge, given: dict, begun: asyncio.Event) -> tuple[asyncio.Task, Answer]:
    answer = Answer()
    task = asyncio.create_task(edge(given, nothing, answer.send))
    async with asyncio.timeout(20):
        await begun.wait()
    return task, answer


class Held:
    """An application that waits; ``head_first`` sends the head before."""

    def __init__(self, *, head_first: bool = False, stream: bool = False) -> None:
        self.begun, self.release = asyncio.Event(), asyncio.Event()
        self.head_first, self.stream = head_first, stream

    async def __call__(self, scope, receive, send) -> None:
        exchange_of(scope).stream = self.stream
        if self.head_first:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        self.begun.set()
        await self.release.wait()
        await ok(scope, receive, send)
