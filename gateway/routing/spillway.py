"""Over the spillway: a request goes to a provider, when it may, and within what it may cost.

Owns the breakers and the limits of providers. Every call is reserved before anything is sent and settled after
(``payment``). Nothing is tried twice in here.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from backends.cloud.neighbour import is_neighbour
from backends.contract import Backend, Call
from backends.errors import BackendError, Cause
from gateway.routing.abroad import Abroad
from gateway.routing.breaker import BLAMES, Breaker
from gateway.routing.egress import Permit, objection
from gateway.routing.errand import Errand
from gateway.routing.payment import Account, Payment
from gateway.routing.route import Candidate, Offered, Opened, Route, Where
from gateway.routing.succession import gone
from gateway.scheduling.lease import Lease
from gateway.spending.cost import Wanted, most
from gateway.spending.entry import Call as Paid
from gateway.spending.money import NANO
from gateway.telemetry.metrics import Metrics

_ACCOUNT_REST = 300.0
_LIMITED_REST = 30.0
_SERVER_ERROR = 500
_LONGEST_CALL = 7200.0
_LONGEST_ANSWER = 32_768
_FREE = "/count_tokens"
_GONE = "model_not_available"


def today() -> str:
    """The date in UTC, as profiles write it."""
    return datetime.now(UTC).date().isoformat()


class Ways(NamedTuple):
    """The offers that a request may use; objections to asking others; what those that may be asked do not do."""

    open: tuple[Offered, ...]
    closed: tuple[str, ...]
    unfit: tuple[str, ...]


class Spillway:
    """One per process. ``backend`` makes what talks to a provider; ``account`` is there once the gateway has begun.
    ``answer_seconds``: how long a plain answer may take.
    """

    def __init__(
        self,
        backend: Callable[[Offered], Backend],
        has_key: Callable[[Offered], bool],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], str] = today,
        answer_seconds: float = _LONGEST_CALL,
    ) -> None:
        self.today = today
        self._answer_seconds = answer_seconds
        self._backend = backend
        self._has_key = has_key
        self._metrics = metrics
        self._clock = clock
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._resting: dict[tuple[str, str], float] = {}
        self._inside: Counter[str] = Counter()
        self.account: Account | None = None

    def ways(self, route: Route, errand: Errand) -> Ways:
        """Who may be asked, in order, and what stands against the others."""
        asked_for = not route.candidates
        open_: list[Offered] = []
        closed: list[str] = []
        unfit: list[str] = []
        for each in route.cloud:
            said = self.objection(each, errand.permit, asked_for=asked_for)
            if said is not None:
                closed.append(said)
            elif (said := _unfit(each, errand)) is not None:
                unfit.append(said)
            else:
                open_.append(each)
        return Ways(tuple(open_), tuple(dict.fromkeys(closed)), tuple(dict.fromkeys(unfit)))

    def objection(self, offered: Offered, permit: Permit, *, asked_for: bool) -> str | None:
        """What stands against asking there, or ``None``."""
        return objection(
            permit, offered.provider, offered.offer, has_key=self._has_key(offered), asked_for=asked_for,
            today=self.today(),
        )  # fmt: skip

    async def open(self, offered: Offered, call: Call, errand: Errand, reason: str) -> Opened:
        """One attempt, up to the commit point. Raises ``BackendError``."""
        name = (offered.provider.id, offered.offer.model)
        breaker = self._breakers.setdefault(name, Breaker())
        self._admit(offered, name, breaker)
        try:
            payment = await self._payment(offered, errand, call)
        except BaseException:
            breaker.abandoned()  # a probe that was never sent proves nothing
            raise
        call = payment.watched(replace(call, answer_timeout=min(call.answer_timeout, self._answer_seconds)))
        self._inside[name[0]] += 1
        try:
            reply = await self._backend(offered).open(call)
        except BaseException as error:
            self._inside[name[0]] -= 1
            known = error if isinstance(error, BackendError) else None
            self._failed(name, breaker, known)
            refused = payment.failed(known)
            if payment.entry and not refused:
                self._count(offered, None)
            if refused and errand.journal is not None:
                await errand.journal.nothing_began()
            raise
        breaker.succeeded(self._clock())
        nanousd = payment.spent(call, reply.usage_tail) if reply.complete else None

        def give_back() -> None:
            self._inside[name[0]] -= 1
            spent = payment.spent(call, reply.usage_tail) if nanousd is None else nanousd
            payment.ended(spent)
            if payment.entry:
                self._count(offered, spent)

        lease = Lease(offered.candidate.target.variant_id, self._backend(offered), give_back, 0.0, reason)
        return Opened(
            reply=reply, lease=lease, candidate=offered.candidate, attempts=1, reason=reason, where=where_of(offered),
            nanousd=nanousd,
        )  # fmt: skip

    def resting(self) -> Iterator[tuple[str, str, bool]]:
        """Of each provider and its model that was asked: whether it is left alone now."""
        now = self._clock()
        for name, breaker in self._breakers.items():
            yield *name, self._resting.get(name, 0.0) > now or not breaker.would_allow(now)

    async def resume(self, route: Route, call: Callable[[Candidate], Call], errand: Errand) -> Opened:
        """Goes on with ``errand.abroad``, which has begun at a provider; nobody else is asked. Raises ``BackendError``:
        ``UNKNOWN_OUTCOME`` when the catalog has forgotten who that is.
        """
        offered = _offered_to(route, errand.abroad)
        if offered is None:
            detail = "what became of it is not known: the provider that it was begun at is not in the catalog any more"
            raise BackendError(Cause.UNKNOWN_OUTCOME, detail)
        return await self.open(offered, call(offered.candidate), errand, "resumed")

    async def abandon(self, route: Route, call: Callable[[Candidate], Call], abroad: Abroad) -> None:
        """Ends what has begun at a provider, where it has that; what it costs then is not known. Raises
        ``BackendError``.
        """
        if abroad.entry and self.account is not None:
            self.account.doubt(abroad.entry)
        offered = _offered_to(route, abroad)
        if offered is not None:
            (await self._backend(offered).open(call(offered.candidate))).aclose()

    def require(self, route: Route, errand: Errand) -> None:
        """Raises ``BackendError`` where only providers could serve it and none of them may be asked."""
        if route.candidates or not route.profile.cloud:
            return
        ways = self.ways(route, errand)
        if not ways.open:
            raise no_way(route, ways.closed, self.today(), ways.unfit)

    def _count(self, offered: Offered, spent: int | None) -> None:
        """For the metrics."""
        labels = (offered.candidate.profile.id, offered.provider.id)
        if spent is None:
            self._metrics.cloud_unknown.labels(*labels).inc()
        else:
            self._metrics.cloud_spent.labels(*labels).inc(spent / NANO)

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

    async def _payment(self, offered: Offered, errand: Errand, call: Call) -> Payment:
        """Reserved, and written down where it may outlive this process; only then is anything sent."""
        price, wanted = offered.offer.price, errand.wanted
        if errand.abroad is not None:
            return Payment(self.account, errand.abroad.entry, price, wanted, begun=True)
        entry = "" if call.path.endswith(_FREE) else await self._reserved(offered, errand, call)
        payment = Payment(self.account, entry, price, wanted)
        if errand.journal is not None:
            begun = Abroad(
                provider=offered.provider.id, model=offered.offer.model, where=where_of(offered), entry=entry
            )
            try:
                await errand.journal.begins(begun)
            except BackendError as error:
                payment.failed(error)
                raise
        return payment

    async def _reserved(self, offered: Offered, errand: Errand, call: Call) -> str:
        """The reservation's id; empty where nothing is paid."""
        if is_neighbour(offered.provider):
            return ""
        if self.account is None or offered.offer.price is None:
            raise BackendError(Cause.NO_CAPACITY, f"what {offered.provider.name} would cost is not known")
        paid = Paid(
            key=errand.key, model=offered.candidate.profile.id, provider=offered.provider.id, request_id=call.request_id
        )
        estimate = most(offered.offer.price, _bounded(errand, offered))
        reserve = self.account.reserve if errand.journal is None else self.account.reserve_durably
        return await reserve(paid, estimate, errand.budget, _LONGEST_CALL)

    def _failed(self, name: tuple[str, str], breaker: Breaker, error: BackendError | None) -> None:
        now = self._clock()
        if error is None or error.cause not in BLAMES:
            breaker.abandoned()
        else:
            breaker.failure(now)
        if error is None:
            return
        if error.cause is Cause.PROVIDER_ACCOUNT:
            self._resting[name] = now + _ACCOUNT_REST
        elif error.cause is Cause.UPSTREAM_RATE_LIMITED:
            self._resting[name] = now + (_LIMITED_REST if error.retry_after is None else error.retry_after)
        elif error.retry_after is not None and (error.upstream_status or 0) >= _SERVER_ERROR:
            self._resting[name] = now + error.retry_after


def _unfit(offered: Offered, errand: Errand) -> str | None:
    tasks, name = offered.offer.tasks, offered.provider.name
    if errand.task and tasks and errand.task not in tasks:
        return f"{name} is not asked for {errand.task} of this model"
    if errand.shows and not offered.media and not offered.offer.images:
        return f"this model reads no pictures at {name}"
    return None


def where_of(offered: Offered) -> Where:
    """A server of one's own on this machine is not the cloud."""
    return "local" if is_neighbour(offered.provider) else "cloud"


def _bounded(errand: Errand, offered: Offered) -> Wanted:
    """What the call may come to at most: an answer that nobody bounds is as long as the model's longest."""
    wanted, offer = errand.wanted, offered.offer
    longest = offer.output_tokens or offered.candidate.profile.limits.max_output_tokens or _LONGEST_ANSWER
    asked = wanted.output_tokens or offered.candidate.profile.defaults.max_tokens or longest
    return replace(wanted, output_tokens=min(asked, longest), context_tokens=offer.context_tokens)


def _offered_to(route: Route, abroad: Abroad | None) -> Offered | None:
    """The offer that ``abroad`` was begun at."""
    if abroad is None:
        return None
    place = (abroad.provider, abroad.model)
    return next((each for each in route.cloud if (each.provider.id, each.offer.model) == place), None)


def no_way(route: Route, closed: tuple[str, ...], today: str, unfit: tuple[str, ...] = ()) -> BackendError:
    """Why a model that only providers serve cannot be had, and what can be instead."""
    profile = route.profile
    if unfit:
        return BackendError(Cause.INVALID_REQUEST, "; ".join(unfit), param="model", code="model_not_supported")
    why = "; ".join(closed) or profile.why_not or "nobody serves it"
    instead = f"; {profile.successor} takes its place" if profile.successor is not None else ""
    over = gone(profile, today)
    cause, code = (Cause.NOT_FOUND, _GONE) if over else (Cause.FORBIDDEN, "cloud_not_allowed")
    return BackendError(cause, f"{profile.id} cannot be served: {why}{instead}", param="model", code=code)
