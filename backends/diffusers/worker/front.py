"""The worker's HTTP: ``/health``, ``/jobs``, ``/memory``, ``/offload``, ``/onload``. See ``external/PROTOCOL.md``."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from backends.diffusers.worker.desk import Desk
from backends.errors import BackendError, Cause
from backends.wire.decode import decode
from backends.wire.media_job import CONTENT_TYPE, MOST_LINE_BYTES, MediaJob, line

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable as Receive
    from uvicorn._types import ASGISendCallable as Send
    from uvicorn._types import HTTPScope, Scope

_STATUS = {Cause.INVALID_REQUEST: 400, Cause.NOT_FOUND: 404, Cause.TOO_LARGE: 413, Cause.QUEUE_FULL: 503}


class Front:
    """The ASGI application. ``desk`` is set once the model is loaded; until then everything is 503."""

    def __init__(self) -> None:
        self.desk: Desk | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        assert scope["type"] == "http"
        try:
            await self._route(scope, receive, send)
        except BackendError as error:
            await _answer(send, _STATUS.get(error.cause, 500), _envelope(error))

    async def _route(self, scope: "HTTPScope", receive: "Receive", send: "Send") -> None:
        desk, what = self.desk, (scope["method"], scope["path"])
        if desk is None:
            await _answer(send, 503, b'{"status":"loading"}')
        elif what == ("GET", "/health"):
            await _answer(send, 200, b'{"status":"ok"}')
        elif what == ("POST", "/jobs"):
            await self._job(desk, decode(await _body(receive), MediaJob), receive, send)
        elif what == ("GET", "/memory"):
            await _answer(send, 200, msgspec.json.encode(desk.memory()))
        elif what == ("POST", "/offload"):
            await desk.offload()
            await _answer(send, 200, b"{}")
        elif what == ("POST", "/onload"):
            await desk.onload()
            await _answer(send, 200, b"{}")
        elif what[0] == "DELETE" and what[1].startswith("/jobs/") and desk.cancel(what[1].removeprefix("/jobs/")):
            await _answer(send, 204, b"")
        else:
            raise BackendError(Cause.NOT_FOUND, "no such path, or no such job")

    async def _job(self, desk: Desk, job: MediaJob, receive: "Receive", send: "Send") -> None:
        desk.admit(job)
        head: list[tuple[bytes, bytes]] = [(b"content-type", CONTENT_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head, "trailers": False})
        gone = asyncio.create_task(_hung_up(receive))
        gone.add_done_callback(lambda done: None if done.cancelled() else desk.cancel(job.id))
        try:
            async with aclosing(desk.events(job)) as events:
                async for event in events:
                    if not gone.done():
                        await send({"type": "http.response.body", "body": line(event), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _hung_up(receive: "Receive") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: "Receive") -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            raise BackendError(Cause.CLIENT_GONE, "the client left while sending")
        parts.append(message["body"])
        size += len(parts[-1])
        if size > MOST_LINE_BYTES:
            raise BackendError(Cause.TOO_LARGE, "the job is too large")
        if not message["more_body"]:
            return b"".join(parts)


def _envelope(error: BackendError) -> bytes:
    said = {"message": error.detail, "type": error.cause.value, "param": error.param, "code": error.cause.value}
    return msgspec.json.encode({"error": said})


async def _answer(send: "Send", status: int, body: bytes) -> None:
    head: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": head, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
