"""One request and its answer, as telemetry sees them. Filled in by the edge and the handlers, read once at the end."""

from typing import Literal

from msgspec import Struct

from gateway.telemetry.metrics import UNKNOWN_MODEL

Outcome = Literal[
    "ok", "client_error", "rate_limited", "overloaded", "timeout", "upstream_error", "cancelled", "not_found"
]


class Exchange(Struct, gc=False, eq=False):
    """Made for every request, and never part of a cycle. Times are ``perf_counter`` seconds; ``nanousd`` is what it has
    cost, in billionths of a dollar, where that is known before its answer's head is sent."""

    request_id: str
    method: str
    path: str
    started: float
    endpoint: str = "other"
    origin: bytes = b""
    key_id: str = ""
    priority: str = ""
    session: bytes = b""
    local_only: bool = False
    model: str = UNKNOWN_MODEL
    variant: str = ""
    backend: str = "none"
    where: str = ""
    reason: str = ""
    attempts: int = 0
    nanousd: int | None = None
    status: int = 0
    outcome: Outcome = "ok"
    cause: str = ""
    private: str = ""
    stream: bool = False
    waited: float = 0.0
    sent_upstream: float = 0.0
    first_event: float = 0.0
    last_event: float = 0.0
    events: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
