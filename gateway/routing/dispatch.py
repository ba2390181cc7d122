"""Tries candidates until one reaches the commit point. After it the attempt is final: dispatch never sees it again.

Owns the order of attempts, the breakers and the retry budget; never looks into bodies, never talks to clients.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from backends.contract import Backend, BackendState, Call
from backends.errors import BackendError, Cause
from gateway.catalog.profile import ModelProfile, Variant
from gateway.errors import TABLE
from gateway.routing.breaker import Breaker, BreakerState
from gateway.routing.budget import RetryBudget
from gateway.routing.route import Candidate, Opened, Route
from gateway.routing.table import RouteTable
from gateway.scheduling.lease import Lease
from gateway.scheduling.runtime import Runtime
from gateway.telemetry.metrics import Metrics

_log = logging.getLogger("forebay.routing")
_MOST_HOPS = 3
_EXIT_SECONDS = 0.5
"""How long an engine that closed its door may take to be seen dead; a driver's clean-up comes after its sockets."""
_BLAMES_BACKEND = frozenset(
    {
        Cause.UPSTREAM_CONNECT,
        Cause.UPSTREAM_TIMEOUT,
        Cause.UPSTREAM_ERROR,
        Cause.UPSTREAM_PROTOCOL,
        Cause.STREAM_BROKEN,
    }
)


class Dispatcher:
    """One per process. ``open`` is the only way to a backend."""

    def __init__(
        self,
        runtime: Runtime,
        metrics: Metrics,
        table: Callable[[], RouteTable],
        missing: Callable[[ModelProfile, Variant], BackendError | None],
        queue_wait: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._metrics = metrics
        self._table = table
        self.missing = missing
        self._queue_wait = queue_wait
        self._clock = clock
        self._breakers: dict[str, tuple[Backend, Breaker]] = {}
        self._budget = RetryBudget()

    async def open(self, route: Route, call: Callable[[Candidate], Call], key: str) -> Opened:
        """The first candidate's answer that reaches its commit point.

        Raises the ``BackendError`` of the last attempt. Cancelling gives everything back.
        """
        self._budget.request(self._clock())
        attempts = 0
        reason = ""
        for hop in range(_MOST_HOPS + 1):
            failure: BackendError | None = None
            for candidate in self._order(route):
                if failure is not None and not self._passes_on(route, failure, candidate.target.variant_id):
                    break
                try:
                    attempts += 1
                    try:
                        opened = await self._try(candidate, call(candidate), key)
                    except BackendError as error:
                        opened = await self._again(candidate, call, key, error)
                except BackendError as error:
                    failure = error
                    reason = f"fallback:{error.cause.value}"
                    continue
                opened.attempts = attempts
                opened.reason = reason or opened.reason
                return opened
            if failure is None:
                why = route.profile.why_not or "it has no variant that this gateway can serve"
                failure = BackendError(Cause.NO_CAPACITY, f"{route.profile.id} cannot be served: {why}")
            following = self._follow(route, failure)
            if following is None or hop == _MOST_HOPS:
                raise failure
            self._metrics.fallback.labels(route.profile.id, failure.cause.value, following.profile.id).inc()
            reason = f"fallback:{failure.cause.value}"
            route = following
        raise AssertionError("the loop returns or raises")

    async def load(self, route: Route, *, pin: bool) -> Candidate:
        """Brings the first candidate that can be had into memory; for operators. Raises the last refusal."""
        failure: BackendError | None = None
        for candidate in self._order(route):
            failure = self.missing(candidate.profile, candidate.variant)
            if failure is not None:
                continue
            try:
                timeout = self._queue_wait + candidate.variant.start_timeout_seconds
                await self._runtime.load(candidate.target, timeout, pin=pin)
            except BackendError as error:
                failure = error
                continue
            return candidate
        raise failure or BackendError(Cause.NO_CAPACITY, f"{route.profile.id} has no variant to load")

    async def _again(
        self, candidate: Candidate, call: Callable[[Candidate], Call], key: str, error: BackendError
    ) -> Opened:
        # The same engine once more only when nothing can have been done yet, and only within the budget.
        if not TABLE[error.cause].retryable or not self._may_retry(candidate.target.variant_id):
            raise error
        _log.warning("retrying %s after %s", candidate.target.variant_id, error.cause.value)
        running = self._runtime.running.get(candidate.target.variant_id)
        if running is not None and running.pid is not None:
            # Else the second attempt would meet the same closed door, and not the engine that follows.
            await asyncio.wait((running.exited,), timeout=_EXIT_SECONDS)
        return await self._try(candidate, call(candidate), key)

    def _may_retry(self, variant_id: str) -> bool:
        known = self._breakers.get(variant_id)
        resting = known is not None and known[1].state is not BreakerState.CLOSED
        return not resting and self._budget.take(self._clock())

    async def _try(self, candidate: Candidate, call: Call, key: str) -> Opened:
        target = candidate.target
        running = self._runtime.running.get(target.variant_id)
        breaker = Breaker() if running is None else self._breaker(target.variant_id, running.backend)
        if not breaker.allow(self._clock()):
            wait = max(1.0, breaker.open_until - self._clock())
            raise BackendError(Cause.NO_CAPACITY, f"{target.variant_id} is failing; resting it", retry_after=wait)
        probing = breaker.state is BreakerState.HALF_OPEN
        try:
            lease = self._runtime.acquire_now(target)
            if lease is None:
                lease = await self._wait(candidate, key)
        except BaseException:
            if probing:
                breaker.abandoned()
            raise
        if running is None or lease.backend is not running.backend:
            breaker = self._breaker(target.variant_id, lease.backend)
        try:
            reply = await lease.backend.open(call)
        except BackendError as error:
            lease.release()
            if error.cause in _BLAMES_BACKEND:
                breaker.failure(self._clock())
            else:
                breaker.succeeded(self._clock())
            raise
        except BaseException:
            lease.release()
            if probing:
                breaker.abandoned()
            raise
        breaker.succeeded(self._clock())
        reason = "loaded" if lease.loaded_cold else "resident"
        return Opened(reply=reply, lease=lease, candidate=candidate, attempts=1, reason=reason)

    def _breaker(self, variant_id: str, backend: Backend) -> Breaker:
        """Of this very engine. One that follows a crash is not blamed for it: the scheduler counts crashes."""
        known = self._breakers.get(variant_id)
        if known is None or known[0] is not backend:
            known = self._breakers[variant_id] = (backend, Breaker())
        return known[1]

    async def _wait(self, candidate: Candidate, key: str) -> Lease:
        missing = self.missing(candidate.profile, candidate.variant)
        if missing is not None:
            raise missing
        return await self._runtime.acquire(
            candidate.target, key, self._queue_wait + candidate.variant.start_timeout_seconds
        )

    def _order(self, route: Route) -> Sequence[Candidate]:
        """What is in memory first (no swap needed), else the profile's order of preference."""
        if len(route.candidates) < 2:
            return route.candidates
        occupants = self._runtime.scheduler.occupants
        here = {
            c.target.variant_id
            for c in route.candidates
            if (o := occupants.get(c.target.variant_id)) and o.state in (BackendState.READY, BackendState.STARTING)
        }
        return sorted(route.candidates, key=lambda c: c.target.variant_id not in here)

    def _passes_on(self, route: Route, failure: BackendError, to: str) -> bool:
        if not TABLE[failure.cause].falls_back:
            return False
        self._metrics.fallback.labels(route.profile.id, failure.cause.value, to).inc()
        return True

    def _follow(self, route: Route, failure: BackendError) -> Route | None:
        rule = next((r for r in route.fallbacks if failure.cause in r.when), None)
        if rule is None:
            return None
        try:
            return self._table().route(rule.to)
        except BackendError:
            return None  # the catalog has changed since: the failure is the answer, not the missing name
