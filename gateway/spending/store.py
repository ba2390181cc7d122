"""The account in the state database: reserve before a call to a provider, settle or release after it.

Reserving is one transaction that holds the rows of its budgets, so that gateways on one database together never promise
more than a budget has; it is on the disk when it returns, and only then may the call leave. A gateway that dies in
between leaves the reservation, which counts.

Calls are synchronous and may wait for the disk or the network: the gateway makes them in a thread. ``clock`` gives Unix
seconds; gateways that share a database agree about the date as far as their clocks do.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause
from gateway.database import HASTY, READS
from gateway.spending.budget import Budget, day_of, left, refusal
from gateway.spending.entry import Call, Entry, Event, after, new_id
from gateway.spending.sums import Sums, places, spent_of
from gateway.spending.table import entry_of, spending

_NEW = insert(spending)  # made once: to build statements takes longer than SQLite needs for them


class SpendingStore:
    """Everything raises ``BackendError(STORAGE)``. The tables are there: ``schema.upgrade``."""

    def __init__(self, database: Engine, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._sums = Sums(database)

    def left(self, key: str, budget: Budget, gateway: Budget) -> int | None:
        """The most that the next call of ``key`` may cost; ``None``: no limit. It waits for no writer and promises
        nothing: that is ``reserve``.
        """
        day = day_of(self._clock())
        with failures("read"), self._database.connect().execution_options(**{READS: True}) as connection:
            return left(budget, gateway, spent_of(key, day, self._sums.read(connection, places(key, day))))

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
        counted_in = places(call.key, day)
        with failures("written"), self._database.begin() as connection:
            spent = spent_of(call.key, day, self._sums.held(connection, counted_in))
            if (refused := refusal(estimate, budget, gateway, spent)) is not None:
                raise refused.error()
            self._sums.add(connection, dict.fromkeys(counted_in, estimate))
            connection.execute(_NEW, asdict(entry))
        return entry

    def get(self, entry_id: str) -> Entry:
        """Raises ``BackendError(NOT_FOUND)``."""
        with failures("read"), self._database.connect().execution_options(**{READS: True}) as connection:
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
        """Marks as unknown what should have been settled by now: calls of a gateway that was killed, and what it had
        in advance.
        """
        overdue = select(spending.c.id).where(spending.c.state == "reserved", spending.c.due_at < self._clock())
        # In one order, and not those that somebody is just settling: nobody waits in a circle.
        free = overdue.order_by(spending.c.id).with_for_update(skip_locked=True)
        statement = update(spending).where(spending.c.id.in_(free)).values(state="unknown").returning(spending)
        with failures("written"), self._database.begin() as connection:
            return tuple(entry_of(row) for row in connection.execute(statement))

    def _end(self, entry_id: str, event: Event, spent: int) -> Entry:
        with failures("written"):
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
            counted_in = places(ended.key, ended.day)
            self._sums.held(connection, counted_in)
            self._sums.add(connection, dict.fromkeys(counted_in, more))
        return ended


def _entry(connection: Connection, entry_id: str) -> Entry:
    """Held until the end of the transaction."""
    row: Row[Any] | None = None
    if "\0" not in entry_id:  # PostgreSQL does not even compare it
        row = connection.execute(select(spending).where(spending.c.id == entry_id).with_for_update()).one_or_none()
    if row is None:
        raise BackendError(Cause.NOT_FOUND, f"the account has no call {entry_id!r}")
    return entry_of(row)


@contextmanager
def failures(done: str) -> Generator[None]:
    """What a database says, as ``BackendError(STORAGE)``: the account cannot be ``done``."""
    try:
        yield
    except SQLAlchemyError as error:
        raise BackendError(Cause.STORAGE, f"the account cannot be {done}", private=str(error)) from error
