"""A backend's error answer as a ``BackendError``: by status, keeping OpenAI's own words where they are. Pure."""

import re

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from backends.errors import BackendError, Cause

_LONGEST = 512
_LONGEST_NAME = 128
_LONGEST_WAIT = 3600.0


class _Error(Struct):
    message: str = ""
    param: str | None = None
    code: str | int | None = None


class _Envelope(Struct):
    error: _Error


_decoder = Decoder(_Envelope)
_BY_STATUS = {
    400: Cause.INVALID_REQUEST,
    404: Cause.NOT_FOUND,
    405: Cause.UPSTREAM_PROTOCOL,
    408: Cause.UPSTREAM_TIMEOUT,
    413: Cause.TOO_LARGE,
    415: Cause.UPSTREAM_PROTOCOL,
    422: Cause.INVALID_REQUEST,
    429: Cause.UPSTREAM_RATE_LIMITED,
    504: Cause.UPSTREAM_TIMEOUT,
}
_SHOWN = frozenset({Cause.INVALID_REQUEST, Cause.CONTEXT_LENGTH, Cause.NOT_FOUND, Cause.TOO_LARGE})
_TOO_LONG = re.compile(
    r"maximum context length is \d+ tokens|exceeds model's maximum context length \(\d+\)|maximum model length of \d+"
)
"""How vLLM says it, with 400 and no code that means it; its ``param`` is none of the client's fields."""
_BUSY = ("engine is currently busy", "prefill token backlog limit")
"""How vLLM turns a request away at its door, with 503: it has begun nothing, and is well."""


def refusal(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> BackendError:
    """What an answer with ``status`` other than 2xx means. Only what is the client's business is shown to it."""
    cause = _BY_STATUS.get(status, Cause.UPSTREAM_ERROR)
    said = _said(body)
    if said is not None:
        if said.code == "context_length_exceeded":
            cause = Cause.CONTEXT_LENGTH
        elif status == 400 and _TOO_LONG.search(said.message):
            cause, said.param = Cause.CONTEXT_LENGTH, None
        elif status == 503 and any(words in said.message for words in _BUSY):
            cause = Cause.NO_CAPACITY
    private = body[:_LONGEST].decode("utf-8", "replace")
    if said is not None and said.message and cause in _SHOWN:
        code = said.code[:_LONGEST_NAME] if isinstance(said.code, str) else None
        param = said.param[:_LONGEST_NAME] if said.param is not None else None
        return BackendError(cause, said.message[:_LONGEST], param=param, code=code, upstream_status=status)
    return BackendError(
        cause,
        f"the backend answered {status}",
        private=private,
        retry_after=_retry_after(headers),
        upstream_status=status,
    )


def _said(body: bytes) -> _Error | None:
    try:
        return _decoder.decode(body).error
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _retry_after(headers: list[tuple[bytes, bytes]]) -> float | None:
    for name, value in headers:
        if name == b"retry-after":
            try:
                seconds = float(value)
            except ValueError:
                return None
            return seconds if 0 <= seconds <= _LONGEST_WAIT else None
    return None
