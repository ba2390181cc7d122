"""What becomes of a job whose attempt failed. Pure: a table of causes.

``later``: nothing was tried, and another time it may go: queued again, no attempt used. ``again``: an attempt is used.
``never``: it would fail the same way.
"""

from collections.abc import Mapping
from typing import Literal

from backends.errors import BackendError, Cause

Outcome = Literal["later", "again", "never"]

_OUTCOMES: Mapping[Cause, Outcome] = {
    Cause.NO_CAPACITY: "later",
    Cause.QUEUE_FULL: "later",
    Cause.RATE_LIMITED: "later",
    Cause.UPSTREAM_RATE_LIMITED: "later",
    Cause.DRAINING: "later",
    Cause.UPSTREAM_CONNECT: "again",
    Cause.UPSTREAM_TIMEOUT: "again",
    Cause.UPSTREAM_ERROR: "again",
    Cause.UPSTREAM_PROTOCOL: "again",
    Cause.STREAM_BROKEN: "again",
    Cause.LOAD_FAILED: "again",
    Cause.STORAGE: "again",
    Cause.INTERNAL: "again",
}
_SAID = frozenset({Cause.UPSTREAM_ERROR, Cause.UPSTREAM_PROTOCOL, Cause.UPSTREAM_RATE_LIMITED})
"""Of work that goes on at a provider, its own last word: asking again brings the same."""
_LATER_SECONDS = 5.0
_AGAIN_SECONDS: Mapping[Cause, float] = {Cause.LOAD_FAILED: 10.0, Cause.STORAGE: 30.0}


def outcome_of(error: BackendError, *, begun: bool = False) -> Outcome:
    """Whether it is worth another attempt. ``begun``: at a provider, which another attempt would only ask after it."""
    if begun and error.cause in _SAID:
        return "never"
    return _OUTCOMES.get(error.cause, "never")


def delay_of(error: BackendError) -> float:
    """Seconds before the next one. A gateway that goes leaves its jobs to others at once."""
    if error.cause is Cause.DRAINING:
        return 0.0
    if outcome_of(error) == "later":
        return max(1.0, error.retry_after or _LATER_SECONDS)
    return _AGAIN_SECONDS.get(error.cause, 0.0)
