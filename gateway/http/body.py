"""Reads a request's body: bounded, within a deadline, of the right type. Decoding is somebody else's."""

import asyncio

from litestar.types import Receive, ReceiveMessage, Scope
from msgspec import Struct

from backends.errors import BackendError, Cause
from gateway.http.hangup import hangup_of

_MEGABYTE = 1_000_000


class BodyLimits(Struct, frozen=True, kw_only=True):
    """Largest body in bytes; ``deadline`` seconds for it, plus one a megabyte."""

    most_bytes: int
    deadline: float


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return None


def require_json(scope: Scope) -> None:
    """Anything but ``application/json`` is refused: a web page can send the other types without a preflight."""
    given = header(scope, b"content-type") or b""
    if given == b"application/json":
        return
    if given.split(b";", 1)[0].strip().lower() != b"application/json":
        raise BackendError(Cause.UNSUPPORTED_MEDIA, "send the body as content-type: application/json")


async def read_body(scope: Scope, receive: Receive, limits: BodyLimits) -> bytes:
    """The whole body. Raises ``BackendError``: ``TOO_LARGE``, ``REQUEST_TIMEOUT`` or ``CLIENT_GONE``."""
    declared = header(scope, b"content-length")
    if declared is not None and int(declared) > limits.most_bytes:
        raise _too_large(limits)
    hangup = hangup_of(scope)
    if hangup is not None and hangup.received:
        first = await receive()  # it is all here: no deadline to arm
        if first["type"] == "http.request" and not first["more_body"] and len(first["body"]) <= limits.most_bytes:
            return first["body"]
        return await _read(receive, limits, first)
    seconds = limits.deadline + int(declared or 0) / _MEGABYTE
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limits, await receive())
    except TimeoutError:
        raise BackendError(Cause.REQUEST_TIMEOUT, f"the body did not arrive within {seconds:.0f} s") from None


async def _read(receive: Receive, limits: BodyLimits, message: ReceiveMessage) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise BackendError(Cause.CLIENT_GONE, "the client left while sending")
        part = message["body"]
        size += len(part)
        if size > limits.most_bytes:
            raise _too_large(limits)
        if not message.get("more_body", False):
            return b"".join([*parts, part])
        parts.append(part)
        message = await receive()


def _too_large(limits: BodyLimits) -> BackendError:
    return BackendError(Cause.TOO_LARGE, f"the body is larger than {limits.most_bytes} bytes")
