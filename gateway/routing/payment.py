"""What one call to a provider is paid with: reserved before, and settled, released or doubted after, once.

Decides what the end of a call means for its reservation; the books are the account's.
"""

from typing import Protocol

from msgspec.structs import asdict, replace

from backends.cloud.price import Price
from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.lines import understood
from backends.wire.media_job import Done, Remote, Stage
from gateway.routing.usage import NONE, from_tail
from gateway.spending.budget import Budget
from gateway.spending.cost import Tokens, Usage, Wanted, cost
from gateway.spending.entry import Call as Paid

_NEVER_SENT = frozenset(
    {Cause.UPSTREAM_CONNECT, Cause.PROVIDER_ACCOUNT, Cause.INVALID_REQUEST, Cause.NO_CAPACITY, Cause.STORAGE}
)
"""Without a status of the provider these mean that it was never asked."""
_FETCHES = "download"
"""The stage of a media job from which on it is paid for."""


class Account(Protocol):
    """Who keeps the books. All but the reservations return at once."""

    async def reserve(self, call: Paid, estimate: int, budget: Budget, seconds: float) -> str:
        """The reservation's id. Raises ``BackendError``: ``BUDGET_EXCEEDED``, ``STORAGE``."""
        ...

    async def reserve_durably(self, call: Paid, estimate: int, budget: Budget, seconds: float) -> str:
        """The same, for what another process may have to settle."""
        ...

    def settle(self, entry_id: str, spent: int) -> None: ...

    def release(self, entry_id: str) -> None: ...

    def doubt(self, entry_id: str) -> None: ...


class Payment:
    """Of one call. ``entry``: the reservation, empty where nothing is paid. ``begun``: the work has begun already."""

    def __init__(
        self, account: Account | None, entry: str, price: Price | None, wanted: Wanted, *, begun: bool = False
    ) -> None:
        self.entry = entry
        self._account = account
        self._price = price
        self._wanted = wanted
        self._begun = begun

    def watched(self, call: Call) -> Call:
        """``call``, heard for the moment from which on it is paid for."""
        if not call.lines:
            return call
        heard = call.heard

        def hear(line: bytes) -> None:
            event = understood(line)
            self._begun |= isinstance(event, Remote) or (isinstance(event, Stage) and event.name == _FETCHES)
            if heard is not None:
                heard(line)

        return replace(call, heard=hear)

    def spent(self, call: Call, tail: bytes) -> int | None:
        """What it has cost, in billionths of a dollar, by what its answer says at its end; ``None`` where that is not
        known.
        """
        if self._price is None or not self.entry:
            return None
        if call.lines:
            last = understood(tail) if tail else None
            if not isinstance(last, Done):
                return None
            made = Usage(pictures=self._wanted.pictures, clips=self._wanted.clips)
            return cost(self._price, made) if last.nanousd is None else last.nanousd
        tokens = from_tail(tail)
        return None if tokens == NONE else cost(self._price, Usage(tokens=Tokens(**asdict(tokens))))

    def ended(self, spent: int | None) -> None:
        """The answer is over. ``None``: nobody knows what it has cost, so it counts as reserved until somebody does."""
        if not self.entry or self._account is None:
            return
        if spent is None:
            self._account.doubt(self.entry)
        else:
            self._account.settle(self.entry, spent)

    def failed(self, error: BackendError | None) -> bool:
        """There is no answer; whether it was refused for certain, so that it costs nothing."""
        refused = (
            error is not None
            and not self._begun
            and (error.upstream_status is not None or error.cause in _NEVER_SENT)
        )  # fmt: skip
        if self.entry and self._account is not None:
            (self._account.release if refused else self._account.doubt)(self.entry)
        return refused
