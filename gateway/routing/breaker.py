"""A circuit breaker as a pure state machine: the clock is passed in, nothing is scheduled.

Opens after 5 failures in a row, or half of at least 20 calls within 30 s; lets one probe through after 15 s, doubling
to 2 min while probes fail.
"""

from enum import StrEnum

from msgspec import Struct

from backends.errors import Cause

BLAMES = frozenset((
    Cause.UPSTREAM_CONNECT, Cause.UPSTREAM_TIMEOUT, Cause.UPSTREAM_ERROR, Cause.UPSTREAM_PROTOCOL, Cause.STREAM_BROKEN,
))  # fmt: skip
"""Causes that are the backend's own fault."""
CONSECUTIVE = 5
RATIO = 0.5
MIN_CALLS = 20
WINDOW_SECONDS = 30.0
OPEN_SECONDS = 15.0
LONGEST_OPEN_SECONDS = 120.0


class BreakerState(StrEnum):
    """Closed lets everything through, half-open one probe, open nothing."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(Struct):
    """One backend's health as its calls showed it."""

    state: BreakerState = BreakerState.CLOSED
    consecutive: int = 0
    calls: int = 0
    failed: int = 0
    window_start: float = 0.0
    open_until: float = 0.0
    open_for: float = OPEN_SECONDS

    def allow(self, now: float) -> bool:
        """May a call be sent now? Moves an open breaker whose time is up to half-open and lets that one probe pass."""
        if self.state is BreakerState.CLOSED:
            return True
        if self.state is BreakerState.OPEN and now >= self.open_until:
            self.state = BreakerState.HALF_OPEN
            return True
        return False

    def would_allow(self, now: float) -> bool:
        """What ``allow`` would say; moves nothing."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.OPEN and now >= self.open_until)

    def succeeded(self, now: float) -> None:
        """A call got its answer."""
        if self.state is not BreakerState.CLOSED:
            self.state = BreakerState.CLOSED
            self.open_for = OPEN_SECONDS
            self.calls = self.failed = 0
        self.consecutive = 0
        self._count(now)

    def failure(self, now: float) -> None:
        """A call failed for a reason that says something about the backend."""
        self._count(now)
        self.failed += 1
        self.consecutive += 1
        if self.state is BreakerState.HALF_OPEN:
            self.open_for = min(self.open_for * 2, LONGEST_OPEN_SECONDS)
            self._open(now)
        elif self.consecutive >= CONSECUTIVE or (self.calls >= MIN_CALLS and self.failed >= RATIO * self.calls):
            self._open(now)

    def abandoned(self) -> None:
        """A probe ended without an outcome (the client left): the next call may probe again."""
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.OPEN

    def _open(self, now: float) -> None:
        self.state = BreakerState.OPEN
        self.open_until = now + self.open_for

    def _count(self, now: float) -> None:
        if now - self.window_start > WINDOW_SECONDS:
            self.window_start, self.calls, self.failed = now, 0, 0
        self.calls += 1
