"""The account in the state database: reserve before a call to a provider, settle or release after it.

Reserving is one transaction that holds the rows of its budgets, so that gateways on one database together never promise
more than a budget has; it is on the disk when it returns, and only then may the call leave. A gateway that dies in
between leaves the reservation, which counts.

Calls are synchronous and may wait for the disk or the network: the gateway makes them in a thread. ``clock`` gives Unix
seconds; gateways that share a database agree about the date as far as their clocks do.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Engine, Row, and_, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause
from gateway.database import HASTY, READS
from gateway.spending.budget import Budget, Spent, day_of, left, month_of, refusal
from gateway.spending.entry import Call, Entry, Event, after, new_id
from gateway.spending.table import entry_of, spending, totals

_GATEWAY = "gateway"

# Made once: to build statements takes longer than SQLite needs for them. Four rows, found by the primary key.
_PLACES = (
    totals.c.scope.in_([bindparam("gateway"), bindparam("key")]),
    totals.c.period.in_([bindparam("month"), bindparam("today")]),
)
_LOOK = select(totals).where(*_PLACES)
_HOLD = _LOOK.order_by(totals.c.scope, totals.c.period).with_for_update()  # on SQLite a transaction holds everything
_ADD = update(totals).where(*_PLACES).values(amount=totals.c.amount + bindparam("more"))
_NEW = insert(spending)


class SpendingStore:
    """Everything raises ``BackendError(STORAGE)``. The tables are there: ``schema.upgrade``."""

    def __init__(self, database: Engine, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._insert = postgresql.insert if database.dialect.name == "postgresql" else sqlite.insert

    def left(self, key: str, budget: Budget, gateway: Budget) -> int | None:
        """The most that the next call of ``key`` may cost; ``None``: no limit. It waits for no writer and promises
        nothing: that is ``reserve``.
        """
        places = _places(key, day_of(self._clock()))
        with _failures("read"), self._database.connect().execution_options(**{READS: True}) as connection:
            return left(budget, gateway, _spent(places, connection.execute(_LOOK, places).all()))

    def reserve(self, call: Call, estimate: int, budget: Budget, gateway: Budget, *, seconds: float) -> Entry:
        """A reservation of ``estimate``, durable on return. ``seconds``: how long the call takes at most; not settled
        after that, its outcome is unknown. Raises ``BackendError(BUDGET_EXCEEDED)``, having changed nothing.
        """
        now = self._clock()
        day = day_of(now)
        entry = Entry(
            id=new_id(), key=call.key, model=call.model, provider=call.provider, request_id=call.request_id,
            state="reserved", day=day, reserved=estimate, spent=0, created_at=now, due_at=now + seconds,
        )  # fmt: skip
        places = _places(call.key, day)
        with _failures("written"), self._database.begin() as connection:
            spent = _spent(places, self._held(connection, places))
            if (refused := refusal(estimate, budget, gateway, spent)) is not None:
                raise refused.error()
            connection.execute(_ADD, places | {"more": estimate})
            connection.execute(_NEW, asdict(entry))
        return entry

    def get(self, entry_id: str) -> Entry:
        """Raises ``BackendError(NOT_FOUND)``."""
        with _failures("read"), self._database.connect().execution_options(**{READS: True}) as connection:
            return _entry(connection, entry_id)

    def settle(self, entry_id: str, spent: int) -> Entry:
        """What it cost, as measured or told by the provider: the difference to what was reserved is given back, or
        taken in addition. Once: later calls change nothing. Raises ``BackendError(NOT_FOUND)``.
        """
        return self._end(entry_id, "settle", spent)

    def release(self, entry_id: str) -> Entry:
        """It cost nothing, for certain: no connection was made, or the provider has refused it. Once, and only while it
        is open. Raises ``BackendError(NOT_FOUND)``.
        """
        return self._end(entry_id, "release", 0)

    def doubt(self, entry_id: str) -> Entry:
        """It may have been taken on: nobody heard. Still counts. Raises ``BackendError(NOT_FOUND)``."""
        return self._end(entry_id, "doubt", 0)

    def doubt_overdue(self) -> tuple[Entry, ...]:
        """Marks as unknown what should have been settled by now, such as the calls of a gateway that was killed."""
        overdue = and_(spending.c.state == "reserved", spending.c.due_at < self._clock())
        statement = update(spending).where(overdue).values(state="unknown").returning(spending)
        with _failures("written"), self._database.begin() as connection:
            return tuple(entry_of(row) for row in connection.execute(statement))

    def _end(self, entry_id: str, event: Event, spent: int) -> Entry:
        with _failures("written"):
            with self._database.connect() as connection:
                # What a power cut takes back stays reserved and becomes unknown: it counts for more, not for less.
                connection.execution_options(**{HASTY: True})
                before = _entry(connection, entry_id)
                if spent <= before.reserved:
                    ended = self._turn(connection, before, event, spent)
                    connection.commit()
                    return ended
            with self._database.begin() as connection:
                return self._turn(connection, _entry(connection, entry_id), event, spent)

    def _turn(self, connection: Connection, before: Entry, event: Event, spent: int) -> Entry:
        state = after(before.state, event)
        if state is None:
            return before
        values = {"state": state, "spent": spent, "ended_at": None if state == "unknown" else self._clock()}
        statement = update(spending).where(spending.c.id == before.id).values(values).returning(spending)
        ended = entry_of(connection.execute(statement).one())
        if (more := ended.counted - before.counted) != 0:
            places = _places(ended.key, ended.day)
            self._held(connection, places)
            connection.execute(_ADD, places | {"more": more})
        return ended

    def _held(self, connection: Connection, places: dict[str, str]) -> Sequence[Row[Any]]:
        """The totals, until the end of the transaction: nobody else changes them. All take them in one order, so nobody
        waits in a circle.
        """
        found = connection.execute(_HOLD, places).all()
        known = {(row.scope, row.period) for row in found}
        if len(known) == len(places):
            return found
        scopes, periods = (places["gateway"], places["key"]), (places["month"], places["today"])
        rows = [{"scope": scope, "period": period, "amount": 0} for scope in scopes for period in periods]
        new = [row for row in rows if (row["scope"], row["period"]) not in known]
        connection.execute(self._insert(totals).values(new).on_conflict_do_nothing())
        return connection.execute(_HOLD, places).all()


def _entry(connection: Connection, entry_id: str) -> Entry:
    """Held until the end of the transaction."""
    row: Row[Any] | None = None
    if "\0" not in entry_id:  # PostgreSQL does not even compare it
        row = connection.execute(select(spending).where(spending.c.id == entry_id).with_for_update()).one_or_none()
    if row is None:
        raise BackendError(Cause.NOT_FOUND, f"the account has no call {entry_id!r}")
    return entry_of(row)


def _places(key: str, day: str) -> dict[str, str]:
    """Scopes and periods that a call counts in: each with each."""
    return {"gateway": _GATEWAY, "key": f"key:{key}", "month": month_of(day), "today": day}


def _spent(places: dict[str, str], rows: Sequence[Row[Any]]) -> Spent:
    amounts = {(row.scope, row.period): row.amount for row in rows}

    def of(scope: str, period: str) -> int:
        return amounts.get((places[scope], places[period]), 0)

    return Spent(
        key_day=of("key", "today"), key_month=of("key", "month"),
        gateway_day=of("gateway", "today"), gateway_month=of("gateway", "month"),
    )  # fmt: skip


@contextmanager
def _failures(done: str) -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise BackendError(Cause.STORAGE, f"the account cannot be {done}", private=str(error)) from error
