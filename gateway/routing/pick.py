"""Which candidate a request gets, and the lease of it: the first that is ready, else what the scheduler chooses.

Owns the breakers of engines. It opens nothing and never looks into bodies.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from backends.contract import Backend
from backends.errors import BackendError, Cause
from gateway.catalog.profile import ModelProfile, Variant
from gateway.routing.breaker import Breaker, BreakerState
from gateway.routing.errand import NOWHERE, Errand
from gateway.routing.route import Candidate
from gateway.scheduling.lease import Lease
from gateway.scheduling.replica import base_of, number_of
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Priority
from gateway.scheduling.wanted import Wanted


class Ask(Struct, frozen=True, kw_only=True):
    """How urgent a request is; ``cost`` in device seconds, as far as known; ``context_tokens`` it needs at least;
    ``patience``: how long it waits for capacity, in seconds, where that is not as usual; ``prefix``: the key of what it
    begins with, for the engine that has that in its cache; ``errand``: what it may do elsewhere."""

    priority: Priority = Priority.INTERACTIVE
    cost: float | None = None
    request: str = ""
    context_tokens: int = 0
    patience: float | None = None
    prefix: bytes = b""
    errand: Errand = NOWHERE

    def outgrows(self, candidate: Candidate) -> bool:
        """What the variant gives a request is too short, whatever the tokens turn out to be."""
        context = candidate.variant.engine.request_tokens or candidate.profile.context_tokens
        return context is not None and self.context_tokens > context


class Picked(Struct, kw_only=True):
    """A candidate with its lease. ``probing``: its breaker lets this one through to see whether it works again."""

    candidate: Candidate
    lease: Lease
    breaker: Breaker
    probing: bool


class Picker:
    """One per dispatcher."""

    def __init__(
        self,
        runtime: Runtime,
        missing: Callable[[ModelProfile, Variant], BackendError | None],
        queue_wait: float,
        clock: Callable[[], float],
    ) -> None:
        self._runtime = runtime
        self._missing = missing
        self._queue_wait = queue_wait
        self._clock = clock
        self._breakers: dict[str, tuple[Backend, Breaker]] = {}

    def is_resting(self, variant_id: str) -> bool:
        """Its breaker is not closed."""
        known = self._breakers.get(variant_id)
        return known is not None and known[1].state is not BreakerState.CLOSED

    def is_shut(self, variant_id: str) -> bool:
        """Its breaker would not let a call through now. Asking does not move it."""
        known = self._breakers.get(variant_id)
        return known is not None and not known[1].would_allow(self._clock())

    async def pick(self, remaining: list[Candidate], key: str, ask: Ask) -> Picked:
        """A lease of one of ``remaining``. Raises ``BackendError``; who cannot be had is taken out of the list."""
        first = remaining[0]
        breaker = self._admit(first, remaining)
        probing = breaker.state is BreakerState.HALF_OPEN
        lease = self._runtime.acquire_now(first.target)
        if lease is None:
            try:
                lease = await self._wait(remaining, key, ask)
            except BaseException:
                if probing:
                    breaker.abandoned()
                raise
        candidate = next(c for c in remaining if c.target.variant_id == lease.variant_id)
        known = self._breakers.get(lease.variant_id)
        if candidate is not first or known is None or known[0] is not lease.backend:
            if probing and candidate is not first:
                breaker.abandoned()
            breaker = self._breaker(lease.variant_id, lease.backend)
            probing = breaker.state is BreakerState.HALF_OPEN
        return Picked(candidate=candidate, lease=lease, breaker=breaker, probing=probing)

    def _admit(self, candidate: Candidate, remaining: list[Candidate]) -> Breaker:
        variant_id = candidate.target.variant_id
        running = self._runtime.running.get(variant_id)
        breaker = Breaker() if running is None else self._breaker(variant_id, running.backend)
        if not breaker.allow(self._clock()):
            remaining.remove(candidate)
            wait = max(1.0, breaker.open_until - self._clock())
            raise BackendError(Cause.NO_CAPACITY, f"{variant_id} is failing; resting it", retry_after=wait)
        return breaker

    def _breaker(self, variant_id: str, backend: Backend) -> Breaker:
        """Of this very engine. One that follows a crash is not blamed for it: the scheduler counts crashes."""
        known = self._breakers.get(variant_id)
        if known is None or known[0] is not backend:
            known = self._breakers[variant_id] = (backend, Breaker())
        return known[1]

    async def _wait(self, remaining: list[Candidate], key: str, ask: Ask) -> Lease:
        first = remaining[0]
        absent = self._missing(first.profile, first.variant)
        if absent is not None:
            remaining.remove(first)
            raise absent
        others = [] if self._is_to_be_met(first, remaining) else [
            c for c in remaining[1:]
            if not self._out_of_reach(c) and (ask.outgrows(first) or not ask.outgrows(c))
        ]  # fmt: skip
        target, *rest = _in_line([first, *others])
        wanted = Wanted(
            target=target,
            alternatives=tuple(rest),
            priority=ask.priority,
            cost=ask.cost,
            request=ask.request,
        )
        longest = max(c.variant.start_timeout_seconds for c in (first, *others))
        try:
            patience = self._queue_wait if ask.patience is None else ask.patience
            return await self._runtime.acquire(wanted, key, patience + longest)
        except BackendError:
            self._take_out(remaining, (first, *others))
            raise

    def _is_to_be_met(self, first: Candidate, remaining: list[Candidate]) -> bool:
        """One of several servers of others, that nobody has asked yet: it costs no memory to find it there, and with
        a choice the scheduler would rather take the one that it knows.
        """
        base = base_of(first.target.variant_id)
        several = any(c is not first and base_of(c.target.variant_id) == base for c in remaining)
        return several and not first.target.managed and first.target.variant_id not in self._runtime.running

    def _out_of_reach(self, candidate: Candidate) -> bool:
        return (
            self.is_resting(candidate.target.variant_id)
            or self._missing(candidate.profile, candidate.variant) is not None
        )

    def _take_out(self, remaining: list[Candidate], asked: Sequence[Candidate]) -> None:
        """After a refusal: those that failed to load; all that were asked for when none did, for it was about all."""
        state, now = self._runtime.scheduler.state, self._runtime.now()
        failed = [c for c in asked if state.is_cooling(c.target, now)]
        for candidate in failed or asked:
            remaining.remove(candidate)


def _in_line(candidates: Sequence[Candidate]) -> list[Target]:
    """Replicas side by side, in the order of their numbers: who would take any of them stands in one line, whichever
    of them he would like best."""
    groups: dict[str, list[Target]] = {}
    for candidate in candidates:
        groups.setdefault(base_of(candidate.target.variant_id), []).append(candidate.target)
    return [each for group in groups.values() for each in sorted(group, key=_number)]


def _number(target: Target) -> int:
    return number_of(target.variant_id) or 1
