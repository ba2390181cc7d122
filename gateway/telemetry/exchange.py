"""One request and its answer, as telemetry sees them. Filled in by the edge and the handlers, read once at the end."""

from typing import Literal

from gateway.telemetry.metrics import UNKNOWN_MODEL

Outcome = Literal[
    "ok", "client_error", "rate_limited", "overloaded", "timeout", "upstream_error", "cancelled", "not_found"
]


class Exchange:
    """Mutable and slotted: it is made for every request. Times are ``perf_counter`` seconds."""

    __slots__ = (
        "attempts",
        "backend",
        "cause",
        "endpoint",
        "events",
        "first_event",
        "key_id",
        "last_event",
        "method",
        "model",
        "origin",
        "outcome",
        "path",
        "private",
        "reason",
        "request_id",
        "sent_upstream",
        "started",
        "status",
        "stream",
        "tokens_cached",
        "tokens_in",
        "tokens_out",
        "tokens_reasoning",
        "variant",
        "waited",
        "where",
    )

    def __init__(self, request_id: str, method: str, path: str, started: float) -> None:
        self.request_id = request_id
        self.method = method
        self.path = path
        self.started = started
        self.endpoint = "other"
        self.origin = b""
        self.key_id = ""
        self.model = UNKNOWN_MODEL
        self.variant = ""
        self.backend = "none"
        self.where = ""
        self.reason = ""
        self.attempts = 0
        self.status = 0
        self.outcome: Outcome = "ok"
        self.cause = ""
        self.private = ""
        self.stream = False
        self.waited = 0.0
        self.sent_upstream = 0.0
        self.first_event = 0.0
        self.last_event = 0.0
        self.events = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self.tokens_cached = 0
        self.tokens_reasoning = 0
