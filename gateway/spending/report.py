"""Who spent what: sums of the account, and the calls whose outcome is unknown. Reads only."""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import Literal

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, case, cast, func, literal, not_, select
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause
from gateway.database import READS
from gateway.spending.entry import Entry
from gateway.spending.table import entry_of, spending

By = Literal["key", "model", "provider", "day"]

IN_ADVANCE = "(in advance)"
"""What has no model and no provider (``advance``): the calls are not made, or under way, or died with their gateway."""
_IS_CALL = spending.c.provider != ""  # as ``Entry.in_advance`` has it


class Line(Struct, frozen=True, kw_only=True):
    """``of``: a key's id, a model, a provider or a day. ``calls`` without those released. Amounts in billionths of a
    dollar: ``spent`` is settled; ``reserved`` is for calls under way, or kept in advance of calls to come; ``unknown``
    may have been charged.
    """

    of: str
    calls: int
    spent: int
    reserved: int
    unknown: int


class SpendingReport:
    """Of the days from ``since`` on (``2026-11-29``, UTC), of some keys or of all. Raises ``BackendError(STORAGE)``."""

    def __init__(self, database: Engine, *, since: str | None = None, keys: Collection[str] | None = None) -> None:
        self._database = database
        self._which: list[ColumnElement[bool]] = []
        if since is not None:
            self._which.append(spending.c.day >= since)
        if keys is not None:
            self._which.append(spending.c.key.in_(keys))

    def lines(self, by: By) -> tuple[Line, ...]:
        """The dearest first; days in their order. What is kept in advance has a key and a day only."""
        of = spending.c[by]
        found = self._added_up(of, () if by in ("key", "day") else (_IS_CALL,))
        if by != "day":
            found.sort(key=lambda line: -(line.spent + line.reserved + line.unknown))
        return tuple(found)

    def in_advance(self) -> Line | None:
        """What is kept in advance of calls, or was when its gateway died; ``None``: nothing."""
        return next(iter(self._added_up(literal(IN_ADVANCE), (not_(_IS_CALL),))), None)

    def unknown(self) -> tuple[Entry, ...]:
        """Calls that wait for an operator, oldest first."""
        statement = select(spending).where(spending.c.state == "unknown", *self._which)
        with self._read() as connection:
            rows = connection.execute(statement.order_by(spending.c.created_at, spending.c.id))
            return tuple(entry_of(row) for row in rows)

    def _added_up(self, of: ColumnElement[str], which: tuple[ColumnElement[bool], ...]) -> list[Line]:
        columns = (
            func.count(case((_IS_CALL, 1))),
            _sum("settled", spending.c.spent),
            _sum("reserved", spending.c.reserved),
            _sum("unknown", spending.c.reserved),
        )
        counted = spending.c.state != "released"
        statement = select(of.label("of"), *columns).where(counted, *which, *self._which).group_by("of").order_by("of")
        with self._read() as connection:
            return [
                Line(of=of, calls=calls, spent=spent, reserved=reserved, unknown=unknown)
                for of, calls, spent, reserved, unknown in connection.execute(statement)
            ]

    @contextmanager
    def _read(self) -> Generator[Connection]:
        try:
            with self._database.connect().execution_options(**{READS: True}) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise BackendError(Cause.STORAGE, "the account cannot be read", private=str(error)) from error


def _sum(state: str, amount: ColumnElement[int]) -> ColumnElement[int]:
    # PostgreSQL adds up to a decimal.
    return cast(func.coalesce(func.sum(case((spending.c.state == state, amount), else_=0)), 0), BigInteger)
