"""Errors as answers: one place that turns a ``BackendError`` into the envelope of the caller's dialect.

Whatever is not a ``BackendError`` becomes an ``internal`` one here, its text kept for the log.
"""

import logging
import math
import traceback
from collections.abc import Callable
from typing import cast

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import Scope
from msgspec import MsgspecError, Struct, convert
from msgspec.json import encode

from backends.errors import BackendError, Cause
from backends.wire import sse
from gateway.errors import TABLE, openai_envelope
from gateway.http.messages_dialect import refusal
from gateway.telemetry.exchange import Exchange, Outcome
from gateway.telemetry.redact import redact

_log = logging.getLogger("forebay.http")
EXCHANGE = "forebay.exchange"
LAST_WORDS = "forebay.last_words"
"""In a scope: what a stream in another dialect says at its end, when that is not its own doing."""
ANTHROPIC_VERSION = "anthropic-version"
_WITHOUT_VERSION = frozenset({"/chat/completions", "/completions", "/embeddings", "/models"})
_BY_STATUS = {
    401: Cause.AUTH,
    403: Cause.FORBIDDEN,
    404: Cause.NOT_FOUND,
    405: Cause.METHOD_NOT_ALLOWED,
    413: Cause.TOO_LARGE,
    415: Cause.UNSUPPORTED_MEDIA,
}


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that the edge made for this request."""
    return cast("Exchange", scope[EXCHANGE])  # type: ignore[literal-required]


def note_failure(exchange: Exchange, error: BackendError) -> None:
    """Writes the cause into the exchange, for metrics and the access line. Comes before it is told, in any dialect:
    what looks like a credential in a backend's words is taken out here.
    """
    _without_credentials(error)
    exchange.cause = error.cause.value
    exchange.outcome = cast("Outcome", TABLE[error.cause].outcome)
    exchange.private = error.private


def _without_credentials(error: BackendError) -> None:
    if error.upstream_status is not None:
        error.detail = redact(error.detail)


def error_headers(error: BackendError) -> list[tuple[bytes, bytes]]:
    """``retry-after`` in whole seconds where there is one."""
    headers = [(b"content-type", b"application/json")]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after))).encode()))
    return headers


def error_body(error: BackendError) -> bytes:
    """The OpenAI envelope as JSON. Words of a backend are shown without what looks like a credential."""
    _without_credentials(error)
    return encode(openai_envelope(error))


def speaks_anthropic(scope: Scope) -> bool:
    """Its route says so; where both dialects have the same route, a header does."""
    path = scope["path"]
    if path == "/v1/models" or path.startswith("/v1/models/"):
        return any(name == ANTHROPIC_VERSION.encode() for name, _ in scope["headers"])
    return path == "/v1/messages" or path.startswith("/v1/messages/")


def error_answer(scope: Scope, error: BackendError) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body, in the dialect of who asked."""
    headers, body = error_headers(error), error_body(error)
    if speaks_anthropic(scope):
        name = exchange_of(scope).request_id
        headers.append((b"request-id", name.encode()))
        body = refusal(error, name)
    return headers, body


def last_words(scope: Scope, error: BackendError) -> bytes:
    """The end of a stream that is cut from outside, as its reader knows errors."""
    if LAST_WORDS not in scope:
        return sse.event(error_body(error))
    words = cast("Callable[[BackendError], bytes]", scope[LAST_WORDS])
    return words(error)


def error_response(request: Request[None, None, State], error: BackendError) -> Response[bytes]:
    """The same for Litestar."""
    headers, body = error_answer(request.scope, error)
    given = {name.decode(): value.decode() for name, value in headers}
    return Response(body, status_code=TABLE[error.cause].status, headers=given, media_type=None)


def on_backend_error(request: Request[None, None, State], error: BackendError) -> Response[bytes]:
    """Litestar's handler for our own errors."""
    note_failure(exchange_of(request.scope), error)
    return error_response(request, error)


def on_http_exception(request: Request[None, None, State], error: HTTPException) -> Response[bytes]:
    """Routing and framework refusals, in our words."""
    cause = _BY_STATUS.get(error.status_code)
    if cause is None:
        cause = Cause.INVALID_REQUEST if error.status_code < 500 else Cause.INTERNAL
    if cause is Cause.NOT_FOUND:
        path = request.url.path
        known = BackendError(
            Cause.NOT_FOUND, f"there is no {request.method} {path[:80]}{_hint(path)}", code="unknown_url"
        )
    elif cause is Cause.METHOD_NOT_ALLOWED:
        known = BackendError(cause, f"{request.method} is not allowed here")
    else:
        param = _parameter(error)
        detail = "the request is not valid" if param is None else f"{param} is not valid"
        known = BackendError(cause, detail, param=param, private=error.detail)
    return on_backend_error(request, known)


def _parameter(error: HTTPException) -> str | None:
    """The first part of a path or query that is not what its handler takes, by its name."""
    try:
        return convert(error.extra, list[_Refused])[0].key if isinstance(error, ValidationException) else None
    except (MsgspecError, IndexError):
        return None


class _Refused(Struct):
    """As the framework tells it."""

    key: str


def _hint(path: str) -> str:
    """For the two slips that are made with base URLs: ``/v1`` twice, or not at all."""
    if path.startswith("/v1/v1/"):
        return "; the client adds /v1 itself: leave it out of the base URL"
    if path in _WITHOUT_VERSION:
        return "; the base URL ends in /v1"
    return ""


def on_exception(request: Request[None, None, State], error: Exception) -> Response[bytes]:
    """A defect of ours, as Litestar sees it."""
    return on_backend_error(request, unhandled(error))


def unhandled(error: Exception) -> BackendError:
    """A 500 that tells nothing, and a log line that tells where; the error's text may quote the request."""
    place = "".join(traceback.format_tb(error.__traceback__))
    _log.error("unhandled %s", type(error).__name__, extra={"tail": place})
    return BackendError(Cause.INTERNAL, "internal error")
