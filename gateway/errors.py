"""What each cause means to a client: one row a cause, and nothing else decides a status.

A row gives the HTTP status, the error types of the two dialects, the default code, and whether another candidate may
be tried. A test holds the table complete over ``Cause``.
"""

from msgspec import Struct

from backends.errors import BackendError, Cause


class Row(Struct, frozen=True):
    """One cause's meaning. ``outcome`` is the metric label; ``falls_back`` lets dispatch try the next candidate."""

    status: int
    openai_type: str
    anthropic_type: str
    code: str | None
    outcome: str
    falls_back: bool = False
    retryable: bool = False


_BAD = "invalid_request_error"
TABLE: dict[Cause, Row] = {
    Cause.INVALID_REQUEST: Row(400, _BAD, _BAD, None, "client_error"),
    Cause.CONTEXT_LENGTH: Row(400, _BAD, _BAD, "context_length_exceeded", "client_error", falls_back=True),
    Cause.AUTH: Row(401, "authentication_error", "authentication_error", "invalid_api_key", "client_error"),
    Cause.FORBIDDEN: Row(403, "permission_error", "permission_error", "forbidden", "client_error"),
    Cause.NOT_FOUND: Row(404, _BAD, "not_found_error", "model_not_found", "not_found"),
    Cause.METHOD_NOT_ALLOWED: Row(405, _BAD, _BAD, "method_not_allowed", "client_error"),
    Cause.UNSUPPORTED_MEDIA: Row(415, _BAD, _BAD, "unsupported_media_type", "client_error"),
    Cause.TOO_LARGE: Row(413, _BAD, "request_too_large", "request_too_large", "client_error"),
    Cause.REQUEST_TIMEOUT: Row(408, _BAD, _BAD, "request_timeout", "timeout"),
    Cause.RATE_LIMITED: Row(429, "rate_limit_error", "rate_limit_error", "rate_limit_exceeded", "rate_limited"),
    Cause.QUEUE_FULL: Row(429, "rate_limit_error", "rate_limit_error", "queue_full", "overloaded", falls_back=True),
    Cause.NO_CAPACITY: Row(503, "server_error", "overloaded_error", "no_capacity", "overloaded", falls_back=True),
    Cause.CANNOT_FIT: Row(503, "server_error", "overloaded_error", "cannot_fit", "overloaded", falls_back=True),
    Cause.LOAD_FAILED: Row(503, "server_error", "api_error", "load_failed", "upstream_error", falls_back=True),
    Cause.OUT_OF_MEMORY: Row(503, "server_error", "api_error", "out_of_memory", "upstream_error", falls_back=True),
    Cause.UPSTREAM_CONNECT: Row(
        502, "server_error", "api_error", "upstream_connect", "upstream_error", falls_back=True, retryable=True
    ),
    Cause.UPSTREAM_TIMEOUT: Row(504, "server_error", "timeout_error", "upstream_timeout", "timeout", falls_back=True),
    Cause.UPSTREAM_ERROR: Row(502, "server_error", "api_error", "upstream_error", "upstream_error", falls_back=True),
    Cause.UPSTREAM_RATE_LIMITED: Row(
        429, "rate_limit_error", "rate_limit_error", "upstream_rate_limited", "rate_limited", falls_back=True
    ),
    Cause.UPSTREAM_PROTOCOL: Row(502, "server_error", "api_error", "upstream_protocol", "upstream_error", True),
    Cause.STREAM_BROKEN: Row(502, "server_error", "api_error", "stream_broken", "upstream_error", falls_back=True),
    Cause.PROVIDER_ACCOUNT: Row(502, "server_error", "api_error", "provider_account", "upstream_error", True),
    Cause.UNKNOWN_OUTCOME: Row(502, "server_error", "api_error", "unknown_outcome", "upstream_error"),
    Cause.BUDGET_EXCEEDED: Row(402, "insufficient_quota", "billing_error", "budget_exceeded", "client_error"),
    Cause.CONTENT_REFUSED: Row(400, _BAD, _BAD, "content_refused", "client_error"),
    Cause.CLIENT_GONE: Row(499, _BAD, _BAD, "client_gone", "cancelled"),
    Cause.DRAINING: Row(503, "server_error", "overloaded_error", "draining", "overloaded"),
    Cause.STORAGE: Row(507, "server_error", "api_error", "storage", "upstream_error"),
    Cause.INTERNAL: Row(500, "server_error", "api_error", "internal", "upstream_error"),
}


class _OpenAIError(Struct, frozen=True):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIEnvelope(Struct, frozen=True):
    """``{"error": {"message", "type", "param", "code"}}``, the one error shape of the OpenAI routes."""

    error: _OpenAIError


def openai_envelope(error: BackendError) -> OpenAIEnvelope:
    """The envelope of ``error``. Only ``detail`` is shown; ``private`` never is."""
    row = TABLE[error.cause]
    return OpenAIEnvelope(_OpenAIError(error.detail, row.openai_type, error.param, error.code or row.code))
