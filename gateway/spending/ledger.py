"""Advances in the state database: one transaction brings their rows, the rows of calls that have ended and the sums of
the budgets in line, and takes more where the budgets have it.

Only the gateway that took an advance writes to its row, one transaction at a time; somebody who takes it for dead may
settle it (``SpendingStore.settle``), which it finds out here. Calls are synchronous, for a thread.
"""

from collections import Counter

from msgspec import Struct, field
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from gateway.database import HASTY
from gateway.spending.budget import Budget, left, refusal
from gateway.spending.entry import OPEN, Entry
from gateway.spending.posting import Drawn, Posting, Want
from gateway.spending.store import failures
from gateway.spending.sums import Amounts, Place, Sums, places, spent_of
from gateway.spending.table import spending

_SHARE = 4
"""The most an advance takes of what is left, as a part of it: other gateways need some too."""

_ROWS = (
    select(spending.c.id, spending.c.state, spending.c.reserved)
    .where(spending.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(spending.c.id)
    .with_for_update()
)
_NEW = insert(spending)
_KEEP = (
    update(spending)
    .where(spending.c.id == bindparam("row"))
    # Somebody may have taken it for overdue, while nobody has settled it.
    .values(state="reserved", reserved=bindparam("keep"), due_at=bindparam("due"))
)
_DROP = delete(spending).where(spending.c.id == bindparam("row"))


class _Plan(Struct):
    """What a transaction changes. ``more``: what counts more in each place, or less."""

    made: list[Entry] = field(default_factory=list[Entry])
    kept: list[Posting] = field(default_factory=list[Posting])
    new: list[Posting] = field(default_factory=list[Posting])
    dropped: list[str] = field(default_factory=list[str])
    more: Counter[Place] = field(default_factory=Counter[Place])
    lost: set[str] = field(default_factory=set[str])

    def count(self, key: str, day: str, amount: int) -> None:
        for place in places(key, day):
            self.more[place] += amount

    def grant(self, want: Want, amount: int) -> None:
        self.count(want.key, want.day, amount)
        if isinstance(want.into, Entry):
            self.made.append(want.into)
            return
        for group in (self.kept, self.new):
            group[:] = [replace(p, keep=p.keep + amount) if p.id == want.into else p for p in group]


class Ledger:
    """``gateway``: the budget over all keys. Everything raises ``BackendError(STORAGE)``, after which nobody knows
    whether it was written: what is posted next sets it right.
    """

    def __init__(self, database: Engine, gateway: Budget) -> None:
        self._database = database
        self._gateway = gateway
        self._sums = Sums(database)

    def post(self, postings: list[Posting]) -> frozenset[str]:
        """Returns the ids of advances that somebody else has settled. Waits for the disk only where more counts than
        before: what a power cut takes back of the rest leaves more counted, not less.
        """
        with failures("written"):
            with self._database.connect().execution_options(**{HASTY: True}) as connection:
                plan = self._plan(connection, postings)
                if all(more <= 0 for more in plan.more.values()):
                    self._write(connection, plan)
                    connection.commit()
                    return frozenset(plan.lost)
            with self._database.begin() as connection:
                plan = self._plan(connection, postings)
                self._write(connection, plan)
                return frozenset(plan.lost)

    def draw(self, want: Want, postings: list[Posting]) -> Drawn:
        """All or nothing: refused, the postings are not written either. Durable on return."""
        with failures("written"), self._database.connect() as connection:
            plan = self._plan(connection, postings)
            if want.into in plan.lost:
                return Drawn(lost=frozenset(plan.lost))
            amounts = self._sums.held(connection, {*plan.more, *places(want.key, want.day)})
            spent = spent_of(want.key, want.day, _sum(amounts, plan.more))
            if (refused := refusal(want.least, want.budget, self._gateway, spent)) is not None:
                return Drawn(refused=refused)
            plenty = left(replace(want.budget, request=None), self._gateway, spent)
            granted = want.most if plenty is None else max(want.least, min(want.most, plenty // _SHARE))
            plan.grant(want, granted)
            self._write(connection, plan)
            connection.commit()
            return Drawn(granted=granted, lost=frozenset(plan.lost))

    def _plan(self, connection: Connection, postings: list[Posting]) -> _Plan:
        """Rows are held until the end of the transaction."""
        ids = [posting.id for posting in postings] + [call.id for posting in postings for call in posting.calls]
        found = {row.id: row for row in connection.execute(_ROWS, {"ids": sorted(ids)})} if ids else {}
        plan = _Plan()
        for posting in postings:
            # Those that are there are from a time when nobody knew whether they were written.
            calls = [call for call in posting.calls if call.id not in found]
            plan.made += calls
            row, before, after = found.get(posting.id), 0, posting.keep
            if row is None and posting.new:
                plan.new += [] if posting.close else [posting]
            elif row is None or row.state not in OPEN:
                plan.lost.add(posting.id)
                after = 0
            else:
                before = row.reserved
                if posting.close:
                    plan.dropped.append(posting.id)
                else:
                    plan.kept.append(posting)
            plan.count(posting.key, posting.day, sum(call.counted for call in calls) + after - before)
        return plan

    def _write(self, connection: Connection, plan: _Plan) -> None:
        moved = {place: amount for place, amount in plan.more.items() if amount}
        if moved:
            self._sums.held(connection, moved.keys())
            self._sums.add(connection, moved)
        rows = [asdict(entry) for entry in [*plan.made, *map(_row_of, plan.new)]]
        if rows:
            connection.execute(_NEW, rows)
        if plan.kept:
            connection.execute(_KEEP, [{"row": p.id, "keep": p.keep, "due": p.due_at} for p in plan.kept])
        if plan.dropped:
            connection.execute(_DROP, [{"row": row} for row in plan.dropped])


def _sum(amounts: Amounts, more: Counter[Place]) -> Amounts:
    return {place: amounts.get(place, 0) + more[place] for place in amounts.keys() | more.keys()}


def _row_of(posting: Posting) -> Entry:
    """Of an advance: a call under way, of nobody's model."""
    return Entry(
        id=posting.id, key=posting.key, model="", provider="", request_id="", state="reserved", day=posting.day,
        reserved=posting.keep, spent=0, created_at=posting.created_at, due_at=posting.due_at,
    )  # fmt: skip
