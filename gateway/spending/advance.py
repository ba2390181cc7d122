"""Room for calls of one key on one day, taken from its budgets in advance; calls are then reserved in memory. Pure.

The database counts an advance like a call that is under way, so a gateway that is killed promised nothing that does not
count. ``held`` is what it counts for, once what has ended is written as rows of its own:

    held = what calls under way may cost + what is free

It grows only after the database has said yes and shrinks before the database hears of it, so the database never counts
less. What a call has cost is taken off ``held``, and the rest of its reservation is free again: while calls cost no
more than was reserved, the sums of the budgets do not move.

Amounts are billionths of a dollar, times Unix seconds.
"""

from msgspec import Struct

from gateway.spending.budget import Budget
from gateway.spending.entry import Call, Entry, State, new_id
from gateway.spending.money import MOST
from gateway.spending.posting import Posting, Want

ALIVE_SECONDS = 300.0
"""Not renewed for so long, an advance is that of a gateway which is gone."""
IDLE_SECONDS = 60.0
LONGEST_SECONDS = 7_200.0
"""Calls that may take longer have a row of their own from the beginning."""
_FEWEST, _MANY = 16, 256
"""How many usual calls one advance is for, and at most where calls come quickly."""
_LARGE = 8
"""A call of so many usual ones has a row of its own."""
_QUICK_SECONDS = 10.0
_REFILL_SECONDS = 1.0


class Hold(Struct, frozen=True, kw_only=True):
    """A call under way."""

    call: Call
    reserved: int
    created_at: float
    due_at: float


class Advance:
    """``free`` is for calls to come. ``open``: calls under way. ``ended``: calls that have no row yet."""

    def __init__(self, key: str, day: str, now: float) -> None:
        self.id = new_id("advance")
        self.key = key
        self.day = day
        self.free = 0
        self.open: dict[str, Hold] = {}
        self.ended: list[Entry] = []
        self.retired = False
        self.filling = False
        self._budget = Budget()
        self._created_at = self._used_at = now
        self._due_at = 0.0
        self._drawn_at = self._filled_at = float("-inf")
        self._usual = 0
        self._calls = _FEWEST
        self._new = True
        self._unsure = False

    @property
    def held(self) -> int:
        return self.free + sum(hold.reserved for hold in self.open.values())

    @property
    def unused(self) -> bool:
        """Whether its budgets get something back when it is posted without what is free."""
        return self.free > 0 or self._unsure

    # --- calls ----------------------------------------------------------------------------------------------------

    def fits(self, estimate: int, budget: Budget, day: str, now: float) -> bool:
        """Whether a call may go at once. Not under another budget than the one it was taken under, not on another day,
        and not when others may by now believe that this gateway is gone.
        """
        return (
            estimate <= self.free
            and not self.retired
            and now < self._due_at
            and self.day == day
            and (budget.day, budget.month) == (self._budget.day, self._budget.month)
        )

    def hold(self, entry_id: str, call: Call, estimate: int, seconds: float, now: float) -> None:
        """The call may go. Only if it ``fits``."""
        self.expect(estimate)
        self.free -= estimate
        self._used_at = now
        self.open[entry_id] = Hold(call=call, reserved=estimate, created_at=now, due_at=now + seconds)

    def settle(self, entry_id: str, spent: int, now: float) -> None:
        """It has cost so much. More than was reserved is taken from what is free, as far as that goes."""
        hold = self.open.pop(entry_id)
        self.free = max(0, self.free + hold.reserved - spent)
        self._end(entry_id, hold, "settled", spent, now)

    def doubt(self, entry_id: str, now: float) -> None:
        """Nobody heard."""
        self._end(entry_id, self.open.pop(entry_id), "unknown", 0, now)

    def release(self, entry_id: str) -> None:
        """It was never taken on."""
        self.free += self.open.pop(entry_id).reserved

    def overdue(self, now: float) -> tuple[str, ...]:
        """Calls under way whose outcome is unknown by now."""
        return tuple(entry_id for entry_id, hold in self.open.items() if hold.due_at < now)

    def _end(self, entry_id: str, hold: Hold, state: State, spent: int, now: float) -> None:
        call = hold.call
        row = Entry(
            id=entry_id, key=self.key, model=call.model, provider=call.provider, request_id=call.request_id,
            state=state, day=self.day, reserved=hold.reserved, spent=spent, created_at=hold.created_at,
            due_at=hold.due_at, ended_at=now if state == "settled" else None,
        )  # fmt: skip
        self.ended.append(row)

    # --- what to ask for ------------------------------------------------------------------------------------------

    def expect(self, estimate: int) -> None:
        """What calls may cost is learned from all, also those that go another way."""
        self._usual = estimate if self._usual == 0 else self._usual + (estimate - self._usual) // _LARGE

    def is_large(self, estimate: int) -> bool:
        return 0 < self._usual * _LARGE < estimate

    def want(self, estimate: int, budget: Budget, now: float) -> Want:
        """For a call that does not fit: all that is free is posted back with it and asked for anew, so that ``budget``
        holds, and a refusal tells what is left in truth.
        """
        self._quicken(now)
        return self._wanted(estimate, estimate + (self._usual or estimate) * self._calls, budget)

    def runs_low(self, now: float) -> bool:
        """Whether to ask for more while there still is some."""
        low = not self.filling and not self.retired and self.free * 4 < self._usual * self._calls
        return low and now >= self._filled_at + _REFILL_SECONDS

    def more(self, now: float) -> Want:
        """Behind the calls. Not worth it for less than one."""
        self._filled_at = now
        self._quicken(now)
        return self._wanted(self._usual, self._usual * self._calls, self._budget)

    def _wanted(self, least: int, most: int, budget: Budget) -> Want:
        most = max(least, min(most, MOST))
        return Want(key=self.key, day=self.day, least=least, most=most, budget=budget, into=self.id)

    def _quicken(self, now: float) -> None:
        quick = now - self._drawn_at < _QUICK_SECONDS
        self._calls = min(_MANY, 2 * self._calls) if quick else _FEWEST
        self._drawn_at = now

    # --- the database ---------------------------------------------------------------------------------------------

    def posting(self, now: float, *, back: int = 0, close: bool = False) -> Posting:
        """To be written now. ``back`` of what is free is used no more from here on."""
        self.free -= back
        self.retired |= close
        return Posting(
            id=self.id, key=self.key, day=self.day, keep=self.held, created_at=self._created_at,
            due_at=now + ALIVE_SECONDS, calls=tuple(self.ended), new=self._new, close=close, back=back,
        )  # fmt: skip

    def due(self, now: float, today: str) -> Posting | None:
        """What should be written by now, if anything. What nobody uses is given back; so is more than twice what is
        wanted in advance, as when many calls that ran at once have ended.
        """
        over = self.retired or self.day != today or now - self._used_at >= IDLE_SECONDS
        plenty = self._usual * self._calls
        back = self.free if over else self.free - plenty if self.free > 2 * plenty else 0
        close = over and not self.open
        renew = not self._new and self._due_at - now < ALIVE_SECONDS / 2
        if close or back or renew or self.ended or self._unsure:
            return self.posting(now, back=back, close=close)
        return None

    def drawn(self, want: Want, granted: int) -> None:
        """So much more is in the database. Only now: what was refused was not taken under the new budget."""
        self.free += granted
        self._budget = want.budget

    def written(self, posting: Posting) -> None:
        """It is in the database."""
        del self.ended[: len(posting.calls)]
        self._due_at = posting.due_at
        self._new = self._unsure = False

    def refused(self, posting: Posting) -> None:
        """It is not in the database, for certain."""
        self.free += posting.back

    def unsure(self) -> None:
        """Nobody knows whether it is: the database may count more than is held until the next posting, never less."""
        self._unsure = True

    def lost(self) -> None:
        """Its row says something else by now. Calls under way end as rows that count anew; no other call is let go."""
        self.retired = True
        self.free = 0
