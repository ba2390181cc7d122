"""The answer to a request that breaks HTTP or a bound of its head: bytes, made before any application is asked."""

from functools import lru_cache

from msgspec.json import encode

from backends.errors import BackendError, Cause
from gateway.errors import openai_envelope

_WORDS = {
    "": "the request is not valid HTTP/1.1",
    "host": "the request must have exactly one Host header",
    "framing": "the length of the body is said more than once",
    "url": "the URL is too long",
    "headers": "the headers are too large or too many",
}
_REASONS = {
    400: ("Bad Request", Cause.INVALID_REQUEST),
    408: ("Request Timeout", Cause.REQUEST_TIMEOUT),
    414: ("URI Too Long", Cause.TOO_LARGE),
    431: ("Request Header Fields Too Large", Cause.TOO_LARGE),
}


@lru_cache(maxsize=16)
def rejection(status: int, param: str) -> bytes:
    """Head and body. ``param`` is the part of the head at fault, or empty."""
    reason, cause = _REASONS[status]
    words = "the head of the request did not arrive in time" if status == 408 else _WORDS[param]
    body = encode(openai_envelope(BackendError(cause, words, param=param or None)))
    head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + body
