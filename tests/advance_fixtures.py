"""The account of a gateway on SQLite and on PostgreSQL, moved on by its test."""

from collections.abc import Callable

import pytest
from msgspec import Struct

from backends.errors import BackendError, Cause
from gateway.spending.budget import Budget
from gateway.spending.entry import Call, Entry
from tests.fakes.mortal_ledger import SteppedAccount
from tests.spending_fixtures import FREE, Account

BUDGET = Budget(day=1000, month=5000)


@pytest.fixture
def begun(account: Account) -> Callable[[Budget], SteppedAccount]:
    return lambda gateway=FREE: SteppedAccount(account.database, gateway, account.clock)


@pytest.fixture
def gateway(begun) -> SteppedAccount:
    return begun(Budget(day=2000, month=None))


async def reserve(gateway: SteppedAccount, estimate: int, *, key: str = "a", budget: Budget = BUDGET, **given) -> str:
    got = await gateway.reserve(of(key), estimate, budget, given.get("seconds", 600.0))
    await gateway.settled_down()
    return got


def of(key: str) -> Call:
    return Call(key=key, model="m", provider="p", request_id="r")


async def refused(gateway: SteppedAccount, estimate: int, **given) -> str:
    with pytest.raises(BackendError) as error:
        await reserve(gateway, estimate, **given)
    assert error.value.cause is Cause.BUDGET_EXCEEDED
    return error.value.detail


def parts(account: Account) -> tuple[list[Entry], list[Entry]]:
    """Calls and advances."""
    rows = sorted(account.entries().values(), key=lambda entry: entry.created_at)
    assert account.totals() == account.sums()
    return [row for row in rows if not row.in_advance], [row for row in rows if row.in_advance]


class Made(Struct):
    """A call that a provider may have got."""

    id: str
    by: SteppedAccount
    key: str
    day: str
    reserved: int
    state: str = "open"
    spent: int = 0

    @property
    def counted(self) -> int:
        return {"settled": self.spent, "released": 0}.get(self.state, self.reserved)

    @property
    def paid(self) -> int:
        """What surely must count at every moment: more than was reserved is written behind."""
        return min(self.counted, self.reserved)
