"""Over the spillway: a request goes to a provider, when it may, and within what it may cost.

Owns the breakers and the limits of providers. Every call is reserved before anything is sent and settled after; one
whose outcome is not known stays reserved. Nothing is tried twice in here.
"""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from msgspec.structs import asdict, replace

from backends.cloud.neighbour import is_neighbour
from backends.contract import Backend, Call
from backends.errors import BackendError, Cause
from gateway.catalog.profile import ModelProfile
from gateway.routing.breaker import Breaker
from gateway.routing.egress import ended, objection
from gateway.routing.errand import Errand
from gateway.routing.route import Offered, Opened, Route
from gateway.routing.usage import NONE, from_tail
from gateway.scheduling.lease import Lease
from gateway.spending.budget import Budget
from gateway.spending.cost import Tokens, Usage, Wanted, cost, most
from gateway.spending.entry import Call as Paid
from gateway.telemetry.metrics import Metrics

_ACCOUNT_REST = 300.0
_LIMITED_REST = 30.0
_LONGEST_CALL = 7200.0
_LONGEST_ANSWER = 32_768
_BLAMES = frozenset(
    {Cause.UPSTREAM_CONNECT, Cause.UPSTREAM_TIMEOUT, Cause.UPSTREAM_ERROR, Cause.UPSTREAM_PROTOCOL, Cause.STREAM_BROKEN}
)
_FREE = "/count_tokens"
_GONE = "model_not_available"


class Account(Protocol):
    """Who keeps the books. All but ``reserve`` return at once."""

    async def reserve(self, call: Paid, estimate: int, budget: Budget, seconds: float) -> str:
        """The reservation's id. Raises ``BackendError``: ``BUDGET_EXCEEDED``, ``STORAGE``."""
        ...

    def settle(self, entry_id: str, spent: int) -> None: ...

    def release(self, entry_id: str) -> None: ...

    def doubt(self, entry_id: str) -> None: ...


class Spillway:
    """One per process. ``backend`` makes what talks to a provider; ``account`` is there once the gateway has begun."""

    def __init__(
        self,
        backend: Callable[[Offered], Backend],
        has_key: Callable[[Offered], bool],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], str] = lambda: datetime.now(UTC).date().isoformat(),
    ) -> None:
        self.today = today
        self._backend = backend
        self._has_key = has_key
        self._metrics = metrics
        self._clock = clock
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._resting: dict[tuple[str, str], float] = {}
        self._inside: Counter[str] = Counter()
        self.account: Account | None = None

    def ways(self, route: Route, errand: Errand) -> tuple[tuple[Offered, ...], tuple[str, ...]]:
        """The offers that this request may use, in order, and what stands against the others."""
        asked_for, today = not route.candidates, self.today()
        open_: list[Offered] = []
        closed: list[str] = []
        for each in route.cloud:
            said = objection(
                errand.permit, each.provider, each.offer, has_key=self._has_key(each), asked_for=asked_for, today=today
            )
            if said is None and errand.task and each.offer.tasks and errand.task not in each.offer.tasks:
                said = f"{each.provider.name} is not asked for {errand.task} of this model"
            if said is None:
                open_.append(each)
            else:
                closed.append(said)
        return tuple(open_), tuple(dict.fromkeys(closed))

    async def open(self, offered: Offered, call: Call, errand: Errand, reason: str) -> Opened:
        """One attempt, up to the commit point. Raises ``BackendError``."""
        name = (offered.provider.id, offered.offer.model)
        breaker = self._breakers.setdefault(name, Breaker())
        self._admit(offered, name, breaker)
        try:
            entry = None if call.path.endswith(_FREE) else await self._reserved(offered, errand, call)
        except BaseException:
            breaker.abandoned()  # a probe that was never sent proves nothing
            raise
        self._inside[name[0]] += 1
        try:
            reply = await self._backend(offered).open(call)
        except BaseException as error:
            self._inside[name[0]] -= 1
            known = error if isinstance(error, BackendError) else None
            self._failed(name, breaker, known)
            self._close(entry, known)
            raise
        breaker.succeeded(self._clock())

        def give_back() -> None:
            self._inside[name[0]] -= 1
            tokens = from_tail(reply.usage_tail)
            if entry is not None and self.account is not None and offered.offer.price is not None:
                if tokens == NONE:
                    self.account.doubt(entry)
                else:
                    used = Usage(tokens=Tokens(**asdict(tokens)))
                    self.account.settle(entry, cost(offered.offer.price, used))

        lease = Lease(offered.candidate.target.variant_id, self._backend(offered), give_back, 0.0, reason)
        return Opened(
            reply=reply, lease=lease, candidate=offered.candidate, attempts=1, reason=reason,
            where="local" if is_neighbour(offered.provider) else "cloud",
        )  # fmt: skip

    def _admit(self, offered: Offered, name: tuple[str, str], breaker: Breaker) -> None:
        now = self._clock()
        if (until := self._resting.get(name, 0.0)) > now:
            detail = f"{offered.provider.name} asked to be left alone for a while"
            raise BackendError(Cause.NO_CAPACITY, detail, retry_after=until - now)
        if self._inside[name[0]] >= offered.provider.concurrent:
            detail = f"{offered.provider.name} takes {offered.provider.concurrent} requests at once"
            raise BackendError(Cause.NO_CAPACITY, detail)
        if not breaker.allow(now):
            wait = max(1.0, breaker.open_until - now)
            raise BackendError(Cause.NO_CAPACITY, f"{offered.provider.name} is failing; resting it", retry_after=wait)

    async def _reserved(self, offered: Offered, errand: Errand, call: Call) -> str | None:
        if is_neighbour(offered.provider):
            return None
        if self.account is None or offered.offer.price is None:
            raise BackendError(Cause.NO_CAPACITY, f"what {offered.provider.name} would cost is not known")
        paid = Paid(
            key=errand.key, model=offered.candidate.profile.id, provider=offered.provider.id, request_id=call.request_id
        )
        estimate = most(offered.offer.price, _bounded(errand, offered))
        return await self.account.reserve(paid, estimate, errand.budget, _LONGEST_CALL)

    def _failed(self, name: tuple[str, str], breaker: Breaker, error: BackendError | None) -> None:
        now = self._clock()
        if error is None or error.cause not in _BLAMES:
            breaker.abandoned()
        else:
            breaker.failure(now)
        if error is None:
            return
        if error.cause is Cause.PROVIDER_ACCOUNT:
            self._resting[name] = now + _ACCOUNT_REST
        elif error.cause is Cause.UPSTREAM_RATE_LIMITED:
            self._resting[name] = now + (_LIMITED_REST if error.retry_after is None else error.retry_after)

    def _close(self, entry: str | None, error: BackendError | None) -> None:
        """It was refused for certain, or nobody knows: then it counts until somebody does."""
        if entry is None or self.account is None:
            return
        refused = error is not None and (
            error.upstream_status is not None or error.cause in (Cause.UPSTREAM_CONNECT, Cause.PROVIDER_ACCOUNT)
        )
        (self.account.release if refused else self.account.doubt)(entry)


def _bounded(errand: Errand, offered: Offered) -> Wanted:
    """What the call may come to at most: an answer that nobody bounds is as long as the model's longest."""
    wanted, offer = errand.wanted, offered.offer
    longest = offer.output_tokens or offered.candidate.profile.limits.max_output_tokens or _LONGEST_ANSWER
    asked = wanted.output_tokens or offered.candidate.profile.defaults.max_tokens or longest
    return replace(wanted, output_tokens=min(asked, longest), context_tokens=offer.context_tokens)


def no_way(route: Route, objections: tuple[str, ...], today: str) -> BackendError:
    """Why a model that only providers serve cannot be had, and what can be instead."""
    profile = route.profile
    why = "; ".join(objections) or profile.why_not or "nobody serves it"
    instead = f"; {profile.successor} takes its place" if profile.successor is not None else ""
    over = gone(profile, today)
    cause, code = (Cause.NOT_FOUND, _GONE) if over else (Cause.FORBIDDEN, "cloud_not_allowed")
    return BackendError(cause, f"{profile.id} cannot be served: {why}{instead}", param="model", code=code)


def gone(profile: ModelProfile, today: str) -> bool:
    """Switched off for good: no switch of ours would bring it back."""
    return profile.lifecycle == "retired" or all(ended(offer, today) for offer in profile.cloud)
