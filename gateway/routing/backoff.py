"""How long a request that a backend turned away waits before it asks again. Pure.

Some agents end on a single 429. Here it means the same as a full slot: wait your turn, within the time that requests
may wait for capacity. An engine that is full says the same with 503.
"""

from backends.errors import BackendError, Cause

SPREAD = 0.25
"""Of a wait, the most that is added to it: those who were turned away together do not come back together."""
FIRST_SECONDS = 0.5
LONGEST_SECONDS = 8.0


def pause(error: BackendError, turned_away: int, left: float, chance: float = 0.0) -> float | None:
    """Seconds, or nothing when it is no use: another failure, or the backend wants more than is ``left``.

    ``turned_away`` counts the times before this one; a backend that says when it has room is believed. ``chance``, from
    0 to 1, is a number of nobody's choice.
    """
    full = (
        error.cause is Cause.NO_CAPACITY and error.upstream_status is not None
    )  # its word; ours would be refused again
    if error.cause is not Cause.UPSTREAM_RATE_LIMITED and not full:
        return None
    usual = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(turned_away, 8))
    seconds = usual if error.retry_after is None else max(error.retry_after, FIRST_SECONDS)
    seconds *= 1.0 + SPREAD * chance
    return seconds if seconds < left else None
