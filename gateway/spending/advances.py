"""All advances of one gateway: which one has room for a call, and which hold what a refused call could use. Pure."""

from gateway.spending.advance import Advance
from gateway.spending.budget import Bound, Budget, Refusal, Spent, month_of, refusal
from gateway.spending.entry import Call, new_id
from gateway.spending.posting import Drawn, Posting, Want

_NOTHING = Spent()


class Advances:
    """``gateway``: the budget over all keys. Of each key one advance is current; others wait for calls to end."""

    def __init__(self, gateway: Budget) -> None:
        self._gateway = gateway
        self._current: dict[str, Advance] = {}
        self._all: dict[str, Advance] = {}
        self._open: dict[str, Advance] = {}

    def __len__(self) -> int:
        return len(self._all)

    def current(self, key: str, day: str, now: float) -> Advance:
        """Of ``key`` for ``day``; made where there is none. That of another day is given back in time."""
        advance = self._current.get(key)
        if advance is None or advance.retired or advance.day != day:
            advance = self._current[key] = Advance(key, day, now)
            self._all[advance.id] = advance
        return advance

    def take(self, call: Call, estimate: int, budget: Budget, day: str, now: float) -> Advance | None:
        """The current advance, if a call may be held in it."""
        advance = self._current.get(call.key)
        if advance is None or not advance.fits(estimate, budget, day, now):
            return None
        # The bound on one call, a budget of nothing, an estimate past a whole budget: a refusal, in its own words.
        return advance if refusal(estimate, budget, self._gateway, _NOTHING) is None else None

    def hold(self, advance: Advance, call: Call, estimate: int, seconds: float, now: float) -> str:
        """The id of the call, which may go."""
        entry_id = new_id()
        advance.hold(entry_id, call, estimate, seconds, now)
        self._open[entry_id] = advance
        return entry_id

    def end(self, entry_id: str) -> Advance | None:
        """Whose call it is; ``None`` where it has a row of its own. Once."""
        return self._open.pop(entry_id, None)

    def doubt_overdue(self, now: float) -> None:
        for advance in self._all.values():
            self._doubt(advance, advance.overdue(now), now)

    def close(self, now: float) -> None:
        """No call is let go any more, and nobody will hear of those under way."""
        for advance in self._all.values():
            advance.retired = True
            self._doubt(advance, tuple(advance.open), now)

    def due(self, now: float, today: str) -> list[Posting]:
        """What should be written by now."""
        return [posting for each in self._all.values() if (posting := each.due(now, today)) is not None]

    def unused(self, but: Advance | None, now: float) -> list[Posting]:
        """Given back, of all but one."""
        return [each.posting(now, back=each.free) for each in self._all.values() if each is not but and each.unused]

    def may_help(self, refused: Refusal, key: str, day: str, but: Advance | None) -> bool:
        """Whether the bound that refused a call has more room once others give back what they do not use."""
        bound = refused.bound
        return any(each is not but and each.unused and _counts(bound, each, key, day) for each in self._all.values())

    # --- the database ---------------------------------------------------------------------------------------------

    def written(self, postings: list[Posting], lost: frozenset[str]) -> None:
        for posting in postings:
            advance = self._all[posting.id]
            advance.written(posting)
            if posting.id in lost:
                advance.lost()
            if posting.close:
                del self._all[posting.id]
                if self._current.get(advance.key) is advance:
                    del self._current[advance.key]

    def drawn(self, want: Want, drawn: Drawn, postings: list[Posting]) -> bool:
        """What came of ``want``, which went with ``postings``. Whether the advance is still there."""
        lost = want.into in drawn.lost
        if lost or drawn.refused is not None:
            for posting in postings:
                self._all[posting.id].refused(posting)
        else:
            self.written(postings, drawn.lost)
        advance = self._all.get(want.into) if isinstance(want.into, str) else None
        if advance is not None and lost:
            advance.lost()
        elif advance is not None and drawn.refused is None:
            advance.drawn(want, drawn.granted)
        return not lost

    def unsure(self, postings: list[Posting]) -> None:
        for posting in postings:
            self._all[posting.id].unsure()

    def _doubt(self, advance: Advance, calls: tuple[str, ...], now: float) -> None:
        for entry_id in calls:
            del self._open[entry_id]
            advance.doubt(entry_id, now)


def _counts(bound: Bound, advance: Advance, key: str, day: str) -> bool:
    """Whether what an advance has counts in the budget that ``bound`` is of."""
    if bound.startswith("key") and advance.key != key:
        return False
    if bound.endswith("day"):
        return advance.day == day
    return bound != "request" and month_of(advance.day) == month_of(day)
