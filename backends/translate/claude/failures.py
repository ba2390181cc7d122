"""Errors of Anthropic's Messages API as causes, before an answer and within one. Pure.

By the kind that the envelope names, then by the status. What the client can mend is shown to it; what concerns this
gateway's account with the provider is for the log alone.
"""

import re

import msgspec

from backends.errors import BackendError, Cause
from backends.translate.claude.answer import Trouble

_LONGEST = 512
_BY_KIND = {
    "invalid_request_error": Cause.INVALID_REQUEST,
    "authentication_error": Cause.PROVIDER_ACCOUNT,
    "billing_error": Cause.PROVIDER_ACCOUNT,
    "permission_error": Cause.PROVIDER_ACCOUNT,
    "not_found_error": Cause.NOT_FOUND,
    "request_too_large": Cause.TOO_LARGE,
    "rate_limit_error": Cause.UPSTREAM_RATE_LIMITED,
    "timeout_error": Cause.UPSTREAM_TIMEOUT,
    "api_error": Cause.UPSTREAM_ERROR,
    "conflict_error": Cause.UPSTREAM_ERROR,
    "overloaded_error": Cause.NO_CAPACITY,
}
_BY_STATUS = {
    400: Cause.INVALID_REQUEST,
    401: Cause.PROVIDER_ACCOUNT,
    402: Cause.PROVIDER_ACCOUNT,
    403: Cause.PROVIDER_ACCOUNT,
    404: Cause.NOT_FOUND,
    408: Cause.UPSTREAM_TIMEOUT,
    413: Cause.TOO_LARGE,
    422: Cause.INVALID_REQUEST,
    429: Cause.UPSTREAM_RATE_LIMITED,
    503: Cause.NO_CAPACITY,
    504: Cause.UPSTREAM_TIMEOUT,
    529: Cause.NO_CAPACITY,
}
_SHOWN = frozenset({Cause.INVALID_REQUEST, Cause.CONTEXT_LENGTH, Cause.NOT_FOUND, Cause.TOO_LARGE})
_OVERFLOW = re.compile(
    r"prompt is too long|exceeds? (the )?context (limit|window)|maximum context length|context_length_exceeded",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"content filtering policy", re.IGNORECASE)
_ACCOUNT = re.compile(r"credit balance|spend limit|usage limits|billing", re.IGNORECASE)


class _Envelope(msgspec.Struct, frozen=True):
    error: Trouble


_decoder = msgspec.json.Decoder(_Envelope)


def refusal(status: int, body: bytes, *, retry_after: float | None = None) -> BackendError:
    """What an answer with ``status`` other than 2xx means. ``retry_after``: seconds that its headers name."""
    try:
        trouble = _decoder.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        trouble = Trouble(message=body[:_LONGEST].decode("utf-8", "replace"))
    return failure(trouble, status, retry_after=retry_after)


def failure(trouble: Trouble | None, status: int | None = None, *, retry_after: float | None = None) -> BackendError:
    """What an error means. Without a ``status`` it stood within an answer."""
    trouble = trouble or Trouble()
    cause = cause_of(trouble, status)
    words = trouble.message[:_LONGEST]
    if cause in _SHOWN and trouble.type and words:
        return BackendError(cause, words, upstream_status=status)
    if cause is Cause.CONTENT_REFUSED:
        return BackendError(cause, "the provider refused to answer this", private=words, upstream_status=status)
    detail = f"the backend failed {'within its answer' if status is None else f'with {status}'}"
    if cause is Cause.PROVIDER_ACCOUNT:
        detail = "the provider does not accept its key, or the account is empty"
    private = f"{trouble.type}: {words}" if trouble.type else words
    return BackendError(cause, detail, private=private, retry_after=retry_after, upstream_status=status)


def cause_of(trouble: Trouble, status: int | None) -> Cause:
    """Some kinds stand for several causes, which only their words tell apart."""
    known = _BY_KIND.get(trouble.type) or _BY_STATUS.get(status or 0, Cause.UPSTREAM_ERROR)
    if known not in (Cause.INVALID_REQUEST, Cause.TOO_LARGE):
        return known
    if _OVERFLOW.search(trouble.message):
        return Cause.CONTEXT_LENGTH
    if _REFUSED.search(trouble.message):
        return Cause.CONTENT_REFUSED
    return Cause.PROVIDER_ACCOUNT if _ACCOUNT.search(trouble.message) else known
