"""One HTTP exchange on raw ASGI: read a bounded body, answer once or stream, notice a client that leaves.

Knows nothing of models. ``run`` cancels the handler as soon as the client is gone, whatever it waits for.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

import msgspec

from backends.errors import BackendError, Cause

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
MAX_BODY = 32 << 20

_STATUS = {
    Cause.INVALID_REQUEST: 400,
    Cause.CONTEXT_LENGTH: 400,
    Cause.NOT_FOUND: 404,
    Cause.METHOD_NOT_ALLOWED: 405,
    Cause.TOO_LARGE: 413,
    Cause.QUEUE_FULL: 429,
    Cause.DRAINING: 503,
    Cause.NO_CAPACITY: 503,
}
_CODES = {Cause.CONTEXT_LENGTH: "context_length_exceeded", Cause.QUEUE_FULL: "queue_full"}


class _Fault(msgspec.Struct):
    message: str
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    param: str | None
    code: str | None


class _Envelope(msgspec.Struct):
    error: _Fault


def envelope(error: BackendError) -> tuple[int, bytes]:
    """HTTP status and body of a failure, in OpenAI's form."""
    status = _STATUS.get(error.cause, 500)
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    fault = _Fault(error.detail, kind, error.param, error.code or _CODES.get(error.cause))
    return status, msgspec.json.encode(_Envelope(fault))


class Exchange:
    """The request with its body, and the answer. At most one of ``reply`` and ``stream`` begins the answer."""

    def __init__(self, method: str, path: str, receive: Receive, send: Send) -> None:
        self.method = method
        self.path = path
        self.started = False
        self._receive = receive
        self._send = send

    async def body(self) -> bytes:
        """The whole body. Raises ``BackendError``: ``TOO_LARGE``, or ``CLIENT_GONE`` when it breaks off."""
        chunks: list[bytes] = []
        size = 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise BackendError(Cause.CLIENT_GONE, "The client left.")
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > MAX_BODY:
                raise BackendError(Cause.TOO_LARGE, f"The body is larger than {MAX_BODY} bytes.")
            chunks.append(chunk)
            if not event.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def gone(self) -> None:
        """Return when the client has left. Call after ``body``."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reply(self, status: int, body: bytes, content_type: bytes = b"application/json") -> None:
        length = str(len(body)).encode()
        await self._start(status, [(b"content-type", content_type), (b"content-length", length)])
        await self._send({"type": "http.response.body", "body": body})

    async def stream(self, chunk: bytes) -> None:
        """Send a part of a stream of events; the first call begins the answer."""
        if not self.started:
            await self._start(200, [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")])
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        """End a stream."""
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, error: BackendError) -> None:
        """Answer with a failure: an error status, or an error event when a stream has begun."""
        status, body = envelope(error)
        if self.started:
            await self.stream(b"data: " + body + b"\n\n")
            await self.end()
        else:
            await self.reply(status, body)

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


async def run(exchange: Exchange, handler: Callable[[Exchange, bytes], Awaitable[None]]) -> None:
    """Read the body and run ``handler`` until it is done or the client leaves; answer failures."""
    try:
        body = await exchange.body()
        work = asyncio.ensure_future(handler(exchange, body))
        watch = asyncio.ensure_future(exchange.gone())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            work.cancel()
            await asyncio.wait((work, watch))
        if not work.cancelled():
            work.result()
    except BackendError as error:
        if error.cause is not Cause.CLIENT_GONE:
            await exchange.fail(error)
