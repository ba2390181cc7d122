"""The closed vocabulary of what can go wrong, and the one exception that carries it.

Every boundary (HTTP client, child process, file, database) translates foreign errors to a ``BackendError`` once;
nobody above it looks at library exceptions. This file never decides what a cause means to a client: the table
``gateway.errors`` does.
"""

from enum import StrEnum


class Cause(StrEnum):
    """Why a request could not be served. Metric label, log field and key of the status table."""

    INVALID_REQUEST = "invalid_request"
    CONTEXT_LENGTH = "context_length"
    AUTH = "auth"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNSUPPORTED_MEDIA = "unsupported_media"
    TOO_LARGE = "too_large"
    REQUEST_TIMEOUT = "request_timeout"
    RATE_LIMITED = "rate_limited"
    QUEUE_FULL = "queue_full"
    NO_CAPACITY = "no_capacity"
    CANNOT_FIT = "cannot_fit"
    LOAD_FAILED = "load_failed"
    OUT_OF_MEMORY = "out_of_memory"
    UPSTREAM_CONNECT = "upstream_connect"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_RATE_LIMITED = "upstream_rate_limited"
    UPSTREAM_PROTOCOL = "upstream_protocol"
    STREAM_BROKEN = "stream_broken"
    PROVIDER_ACCOUNT = "provider_account"
    UNKNOWN_OUTCOME = "unknown_outcome"
    BUDGET_EXCEEDED = "budget_exceeded"
    CONTENT_REFUSED = "content_refused"
    CLIENT_GONE = "client_gone"
    DRAINING = "draining"
    STORAGE = "storage"
    INTERNAL = "internal"


class BackendError(Exception):
    """A failure with its cause.

    ``detail`` may be shown to a client; ``private`` is for the log only (stderr tails, upstream text).
    ``param`` names the request field at fault (``messages[0].role``). ``retry_after`` is in seconds.
    ``upstream_status`` is the HTTP status the backend answered with, if it answered.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str,
        *,
        param: str | None = None,
        code: str | None = None,
        private: str = "",
        retry_after: float | None = None,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail
        self.param = param
        self.code = code
        self.private = private
        self.retry_after = retry_after
        self.upstream_status = upstream_status

    def __repr__(self) -> str:
        return f"BackendError({self.cause.value}, {self.detail!r})"
