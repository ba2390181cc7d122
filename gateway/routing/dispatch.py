"""Tries candidates until one reaches the commit point. After it the attempt is final: dispatch never sees it again.

Owns the attempts, the breakers and the retry budget; never looks into bodies, never talks to clients.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

from backends.contract import Call
from backends.errors import BackendError, Cause
from gateway.catalog.profile import ModelProfile, Variant
from gateway.errors import TABLE
from gateway.routing.backoff import pause
from gateway.routing.breaker import BLAMES
from gateway.routing.budget import RetryBudget
from gateway.routing.order import Order
from gateway.routing.pick import Ask, Picked, Picker
from gateway.routing.route import Candidate, Opened, Route
from gateway.routing.spillway import Spillway, no_way
from gateway.routing.succession import REASON
from gateway.routing.table import RouteTable
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.suspicion import is_dead
from gateway.telemetry.metrics import Metrics

_log = logging.getLogger("forebay.routing")
_MOST_HOPS = 3
_ORDINARY = Ask()
_EXIT_SECONDS = 0.5
"""How long an engine that closed its door may take to be seen dead; a driver's clean-up comes after its sockets."""
_SERVER_ERROR = 500


class _Tried(Struct):
    """What became of a request so far. ``abroad``: a provider was asked."""

    attempts: int = 0
    turned_away: int = 0
    abroad: bool = False
    reason: str = ""


class Dispatcher:
    """One per process. ``open`` and ``ask`` are the only ways to a backend."""

    def __init__(
        self,
        runtime: Runtime,
        metrics: Metrics,
        table: Callable[[], RouteTable],
        missing: Callable[[ModelProfile, Variant], BackendError | None],
        queue_wait: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        spillway: Spillway | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._chance = chance
        self._spillway = spillway
        self._runtime = runtime
        self._metrics = metrics
        self._table = table
        self.missing = missing
        self._queue_wait = queue_wait
        self._clock = clock
        self._sleep = sleep
        self._picker = Picker(runtime, missing, queue_wait, clock)
        self._order = Order(runtime.scheduler, self._picker.is_shut)
        self._budget = RetryBudget()

    async def open(self, route: Route, call: Callable[[Candidate], Call], key: str, ask: Ask = _ORDINARY) -> Opened:
        """The first candidate's answer that reaches its commit point. Who is turned away asks again after a while.

        Raises the ``BackendError`` of the last attempt. Cancelling gives everything back.
        """
        self._budget.request(self._clock())
        tried = _Tried(reason=f"{REASON}{route.instead_of}" if route.instead_of else "")
        until = self._clock() + (self._queue_wait if ask.patience is None else ask.patience)
        while True:
            try:
                return await self._first(route, call, key, ask, tried)
            except BackendError as error:
                seconds = pause(error, tried.turned_away, until - self._clock(), self._chance())
                if seconds is None or (tried.abroad and not self._may_ask_again(error, tried)):
                    raise
            tried.turned_away += 1
            await self._sleep(seconds)

    async def _first(
        self, route: Route, call: Callable[[Candidate], Call], key: str, ask: Ask, tried: _Tried
    ) -> Opened:
        for hop in range(_MOST_HOPS + 1):
            early = self._too_long(route, ask)
            crossed = None if early is None else await self._cross(route, call, ask, tried, early)
            if isinstance(crossed, Opened):
                return crossed
            failure: BackendError | None = None
            remaining = list(self._order.of(route, ask))
            while remaining:
                if failure is not None:
                    if not self._passes_on(route, failure, remaining[0].target.variant_id):
                        break
                    tried.reason = f"fallback:{failure.cause.value}"
                tried.attempts += 1
                try:
                    opened = await self._serve(remaining, call, key, ask)
                except BackendError as error:
                    failure = error
                    continue
                opened.attempts = tried.attempts
                opened.reason = tried.reason or opened.reason
                return opened
            if early is None:
                crossed = await self._cross(route, call, ask, tried, failure)
                if isinstance(crossed, Opened):
                    return crossed
                failure = crossed or failure
            if failure is None:
                why = route.profile.why_not or "it has no variant that this gateway can serve"
                failure = BackendError(Cause.NO_CAPACITY, f"{route.profile.id} cannot be served: {why}")
            following = self._follow(route, failure)
            if following is None or hop == _MOST_HOPS:
                raise failure
            self._metrics.fallback.labels(route.profile.id, failure.cause.value, following.profile.id).inc()
            tried.reason = f"fallback:{failure.cause.value}"
            route = following
        raise AssertionError("the loop returns or raises")

    async def _cross(
        self, route: Route, call: Callable[[Candidate], Call], ask: Ask, tried: _Tried, failure: BackendError | None
    ) -> Opened | BackendError | None:
        """The answer of the first provider that gives one, where the request may go there; else why there is none.
        ``None``: the cloud has no say in it.
        """
        spills = failure is None or (route.profile.spill is not None and failure.cause in route.profile.spill.when)
        if self._spillway is None or not route.cloud or not spills:
            return None
        ways = self._spillway.ways(route, ask.errand)
        if not ways.open:
            return None if failure else no_way(route, ways.closed, self._spillway.today(), ways.unfit)
        reason = "asked for" if failure is None else f"spill:{failure.cause.value}"
        unfit: BackendError | None = None
        sent = False
        for offered in ways.open:
            if sent and not self._budget.take(self._clock()):
                break
            tried.attempts += 1
            try:
                opened = await self._spillway.open(offered, call(offered.candidate), ask.errand, reason)
            except BackendError as error:
                if error.cause is Cause.INVALID_REQUEST and error.upstream_status is None:
                    unfit = unfit or error  # it was not even sent: another may take it
                    continue
                failure = error
                # Who rests or is full was not asked: to pass him by is no extra attempt.
                sent = sent or error.cause is not Cause.NO_CAPACITY or error.upstream_status is not None
                tried.abroad = tried.abroad or sent
                if not TABLE[error.cause].falls_back:
                    break
                continue
            if reason.startswith("spill"):
                label = f"{route.profile.id}@{offered.provider.id}"
                self._metrics.fallback.labels(route.profile.id, reason.removeprefix("spill:"), label).inc()
            opened.attempts = tried.attempts
            if tried.reason.startswith(REASON) and failure is None:
                opened.reason = tried.reason
            return opened
        return failure or unfit

    def _may_ask_again(self, error: BackendError, tried: _Tried) -> bool:
        """A provider that says when: once, and within the budget."""
        return error.retry_after is not None and not tried.turned_away and self._budget.take(self._clock())

    def _too_long(self, route: Route, ask: Ask) -> BackendError | None:
        """A wait that the profile would rather not see, where the request may go elsewhere instead."""
        spill = route.profile.spill
        if spill is None or spill.wait_seconds is None or self._spillway is None or not route.candidates:
            return None
        wait = min(self._runtime.scheduler.forecast.wait(each.target) for each in route.candidates)
        if wait <= spill.wait_seconds or not self._spillway.ways(route, ask.errand).open:
            return None
        detail = f"{route.profile.id} would have to wait for about {wait:.0f} s"
        return BackendError(Cause.NO_CAPACITY, detail, retry_after=wait)

    async def ask(self, route: Route, call: Callable[[Candidate], Call], key: str) -> bytes:
        """The answer to a question that costs an engine next to nothing: beside its slots where one is in memory, so
        that it does not wait behind answers, else as ``open``. Raises ``BackendError``.
        """
        for candidate in route.candidates:
            backend = self._runtime.ready(candidate.target.variant_id)
            if backend is None:
                continue
            try:
                reply = await backend.open(call(candidate))
            except BackendError as error:
                if not TABLE[error.cause].falls_back or error.cause is Cause.CONTEXT_LENGTH:
                    raise
                break
            return reply.first
        opened = await self.open(route, call, key)
        try:
            return opened.reply.first
        finally:
            opened.close()

    async def load(self, route: Route, *, pin: bool) -> Candidate:
        """Brings the first candidate that can be had into memory; for operators. Raises the last refusal."""
        failure: BackendError | None = None
        for candidate in self._order.of(route, _ORDINARY):
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

    async def _serve(self, remaining: list[Candidate], call: Callable[[Candidate], Call], key: str, ask: Ask) -> Opened:
        """One attempt: a lease of whichever of ``remaining`` the scheduler prefers, and its answer.

        Who has failed is taken out of ``remaining``.
        """
        first = remaining[0]
        made = call(first)  # what cannot be asked for must not cost anybody a load
        picked = await self._picker.pick(remaining, key, ask)
        try:
            return await self._open(picked, made if picked.candidate is first else call(picked.candidate))
        except BackendError as error:
            # The same engine once more only when nothing can have been done yet, and only within the budget.
            variant_id = picked.candidate.target.variant_id
            again = TABLE[error.cause].retryable or await self._died(picked, error)
            if not (again and self._may_retry(variant_id)):
                remaining.remove(picked.candidate)
                raise
            _log.warning("retrying %s after %s", variant_id, error.cause.value)
        running = self._runtime.running.get(variant_id)
        if running is not None and running.pid is not None:
            # Else the second attempt would meet the same closed door, and not the engine that follows.
            await asyncio.wait((running.exited,), timeout=_EXIT_SECONDS)
        remaining.remove(picked.candidate)
        following = await self._picker.pick([picked.candidate], key, ask)
        return await self._open(following, call(picked.candidate))

    async def _died(self, picked: Picked, error: BackendError) -> bool:
        """It answered with an error because it had died inside: what it was asked, the next one may answer."""
        target = picked.candidate.target
        died = error.upstream_status is not None and error.upstream_status >= _SERVER_ERROR
        return died and await is_dead(self._runtime.engines, target.variant_id, target.profile_id)

    def _may_retry(self, variant_id: str) -> bool:
        return not self._picker.is_resting(variant_id) and self._budget.take(self._clock())

    async def _open(self, picked: Picked, call: Call) -> Opened:
        lease, breaker = picked.lease, picked.breaker
        try:
            reply = await lease.backend.open(call)
        except BackendError as error:
            lease.release()
            if error.cause in BLAMES:
                breaker.failure(self._clock())
            else:
                breaker.succeeded(self._clock())
            raise
        except BaseException:
            lease.release()
            if picked.probing:
                breaker.abandoned()
            raise
        breaker.succeeded(self._clock())
        return Opened(reply=reply, lease=lease, candidate=picked.candidate, attempts=1, reason=lease.reason)

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
