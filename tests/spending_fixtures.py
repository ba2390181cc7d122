"""An account on SQLite and on PostgreSQL, with a clock that a test moves."""

from datetime import UTC, datetime

import pytest
from msgspec import Struct
from sqlalchemy import Engine, select

from gateway.spending.budget import Budget, day_of, month_of
from gateway.spending.entry import Call, Entry
from gateway.spending.schema import upgrade
from gateway.spending.store import SpendingStore
from gateway.spending.table import entry_of, spending, totals
from tests.job_fixtures import Opener

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
FREE = Budget(day=None, month=None)


class Clock(Struct):
    now: float = NOON

    def __call__(self) -> float:
        return self.now


class Account(Struct, frozen=True):
    """A store, with what a test says about it most often."""

    database: Engine
    clock: Clock
    store: SpendingStore

    def reserve(self, estimate: int, *, key: str = "key_a", seconds: float = 60.0, **budgets: Budget) -> Entry:
        call = Call(key=key, model="m", provider="p", request_id="r")
        budget, gateway = budgets.get("budget", FREE), budgets.get("gateway", FREE)
        return self.store.reserve(call, estimate, budget, gateway, seconds=seconds)

    def entries(self) -> dict[str, Entry]:
        with self.database.connect() as connection:
            return {entry.id: entry for entry in map(entry_of, connection.execute(select(spending)))}

    def totals(self) -> dict[tuple[str, str], int]:
        """Of every scope and period in which something counts."""
        with self.database.connect() as connection:
            return {(scope, period): amount for scope, period, amount in connection.execute(select(totals)) if amount}

    def sums(self) -> dict[tuple[str, str], int]:
        """What the totals must be, added up from the rows."""
        found: dict[tuple[str, str], int] = {}
        for entry in self.entries().values():
            for scope in ("gateway", f"key:{entry.key}"):
                for period in (entry.day, month_of(entry.day)):
                    found[scope, period] = found.get((scope, period), 0) + entry.counted
        return {place: amount for place, amount in found.items() if amount}

    def today(self, scope: str = "gateway") -> int:
        return self.totals().get((scope, day_of(self.clock())), 0)


def account_on(database: Engine) -> Account:
    clock = Clock()
    return Account(database, clock, SpendingStore(database, clock))


@pytest.fixture
def account(opener: Opener) -> Account:
    engine = opener()
    upgrade(engine)
    return account_on(engine)
