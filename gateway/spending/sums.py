"""The sums that budgets are held against: which of them a call counts in, read, held and added to. Begins nothing.

A place is a sum's scope and its period. Whoever changes several holds all of them first, in one order, so that nobody
waits in a circle; rows of calls that the same transaction changes are held before.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.spending.budget import Spent, month_of
from gateway.spending.table import totals

Place = tuple[str, str]
Amounts = dict[Place, int]

_GATEWAY = "gateway"

# Made once: to build statements takes longer than SQLite needs for them.
_LOOK = select(totals).where(
    totals.c.scope.in_(bindparam("scopes", expanding=True)), totals.c.period.in_(bindparam("periods", expanding=True))
)
_HOLD = _LOOK.order_by(totals.c.scope, totals.c.period).with_for_update()
_ADD = (
    update(totals)
    .where(totals.c.scope == bindparam("of"), totals.c.period == bindparam("when"))
    .values(amount=totals.c.amount + bindparam("more"))
)


def places(key: str, day: str) -> tuple[Place, Place, Place, Place]:
    """Key's day and month, gateway's day and month."""
    own, month = f"key:{key}", month_of(day)
    return (own, day), (own, month), (_GATEWAY, day), (_GATEWAY, month)


def spent_of(key: str, day: str, amounts: Mapping[Place, int]) -> Spent:
    """What counts of a key on a day."""
    key_day, key_month, gateway_day, gateway_month = (amounts.get(place, 0) for place in places(key, day))
    return Spent(key_day=key_day, key_month=key_month, gateway_day=gateway_day, gateway_month=gateway_month)


class Sums:
    """Of one database. Everything raises ``SQLAlchemyError``."""

    def __init__(self, database: Engine) -> None:
        self._shared = database.dialect.name == "postgresql"  # on SQLite a transaction holds everything
        self._insert = postgresql.insert if self._shared else sqlite.insert

    def read(self, connection: Connection, wanted: Collection[Place]) -> Amounts:
        """Waits for no writer, and promises nothing."""
        return _amounts(connection.execute(_LOOK, _sides(wanted)).all())

    def held(self, connection: Connection, wanted: Collection[Place]) -> Amounts:
        """Until the end of the transaction: nobody else changes them."""
        found = self.read(connection, wanted)
        new = [{"scope": scope, "period": period, "amount": 0} for scope, period in sorted({*wanted} - found.keys())]
        if new:
            # Before any is held: who makes a row that another one has just made waits for that one's end.
            connection.execute(self._insert(totals).values(new).on_conflict_do_nothing())
        return _amounts(connection.execute(_HOLD, _sides(wanted)).all()) if new or self._shared else found

    def add(self, connection: Connection, more: Mapping[Place, int]) -> None:
        """To sums that are held."""
        rows = [
            {"of": scope, "when": period, "more": amount} for (scope, period), amount in sorted(more.items()) if amount
        ]
        if rows:
            connection.execute(_ADD, rows)


def _sides(wanted: Iterable[Place]) -> dict[str, list[str]]:
    """Each scope with each period: some rows more than are wanted, where several keys and days are."""
    return {"scopes": sorted({scope for scope, _ in wanted}), "periods": sorted({period for _, period in wanted})}


def _amounts(rows: Iterable[Row[Any]]) -> Amounts:
    return {(row.scope, row.period): row.amount for row in rows}
