"""The account of a gateway: calls are reserved in memory, and the database says the same in the end."""

import asyncio

import pytest

from gateway.spending.account import SpendingAccount
from gateway.spending.advance import IDLE_SECONDS
from gateway.spending.budget import Budget
from tests.advance_fixtures import BUDGET, begun, gateway, of, parts, refused, reserve  # noqa: F401
from tests.fakes.mortal_ledger import MortalLedger, SteppedAccount
from tests.job_fixtures import Opener, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.spending_fixtures import FREE, Account, account  # noqa: F401

# ruff: noqa: F811


async def test_with_room_nothing_waits_for_a_disk_or_a_thread(gateway: SteppedAccount) -> None:
    await reserve(gateway, 10)
    before = gateway.ledger.transactions
    for _ in range(10):
        waiting = gateway.reserve(of("a"), 10, BUDGET, 600.0)
        with pytest.raises(StopIteration):  # it has ended without having waited once
            waiting.send(None)
    assert gateway.ledger.transactions == before


async def test_many_at_once_take_few_advances_and_one_at_a_time(gateway: SteppedAccount) -> None:
    got = await asyncio.gather(*(gateway.reserve(of("a"), 1, BUDGET, 600.0) for _ in range(100)))
    assert len(set(got)) == 100
    assert gateway.ledger.transactions <= 6


async def test_a_call_becomes_a_row_of_its_own(gateway: SteppedAccount, account: Account) -> None:
    settled, doubted, released = [await reserve(gateway, 10) for _ in range(3)]
    calls, (advance,) = parts(account)
    assert calls == []
    assert (advance.key, advance.state) == ("a", "reserved")
    counts = account.today("key:a")
    gateway.settle(settled, 4)
    gateway.doubt(doubted)
    gateway.release(released)
    await gateway.bring_in_line()
    calls, (advance,) = parts(account)
    assert {(row.id, row.state, row.counted, row.model) for row in calls} == {
        (settled, "settled", 4, "m"), (doubted, "unknown", 10, "m")
    }  # fmt: skip
    assert account.today("key:a") == counts == 14 + advance.reserved
    gateway.settle(doubted, 3)
    gateway.settle(settled, 9)
    await gateway.bring_in_line()
    assert account.entries()[doubted].spent == 3
    assert account.entries()[settled].spent == 4, "once"
    await gateway.aclose()
    assert account.totals() == account.sums()
    assert (account.today("key:a"), parts(account)[1]) == (7, [])


async def test_what_cost_more_counts_in_full(gateway: SteppedAccount, account: Account) -> None:
    dear = await reserve(gateway, 10)
    gateway.settle(dear, 5000)
    await gateway.bring_in_line()
    assert account.today("key:a") >= 5000
    await refused(gateway, 1)
    await gateway.aclose()
    assert account.today("key:a") == 5000


async def test_near_the_limit_everything_can_be_used_up(gateway: SteppedAccount, account: Account) -> None:
    for _ in range(100):
        await reserve(gateway, 10)
    assert "nothing is left of this key's cloud budget for today" in await refused(gateway, 1)
    for _ in range(100):
        await reserve(gateway, 10, key="b")
    assert "and less is left of the gateway's" in await refused(gateway, 1, key="c")
    assert account.today() == 2000


async def test_a_refusal_counts_what_is_unused_as_left(gateway: SteppedAccount) -> None:
    await reserve(gateway, 10)
    assert "$0.00000099 is left of this key's cloud budget for today" in await refused(gateway, 991)
    before = gateway.ledger.transactions
    await reserve(gateway, 10)
    assert gateway.ledger.transactions == before, "and leaves the advance"


async def test_what_others_do_not_use_makes_room(begun, account: Account) -> None:
    gateway = begun(Budget(day=400, month=None))
    await reserve(gateway, 5, key="a")
    await reserve(gateway, 5, key="b")
    assert account.today() > 10
    await reserve(gateway, 390, key="c")
    assert account.today() == 400
    assert "less is left of the gateway's" in await refused(gateway, 1, key="a")


async def test_one_call_may_be_bounded_although_there_is_room(gateway: SteppedAccount) -> None:
    await reserve(gateway, 10)
    bounded = Budget(day=1000, month=5000, request=5)
    assert "may spend on one request" in await refused(gateway, 6, budget=bounded)
    await reserve(gateway, 5, budget=bounded)


async def test_a_smaller_budget_holds_from_the_next_call_on(gateway: SteppedAccount, account: Account) -> None:
    await reserve(gateway, 50)
    smaller = Budget(day=70, month=None)
    assert "$0.00000002 is left" in await refused(gateway, 21, budget=smaller)
    assert "$0.00000002 is left" in await refused(gateway, 21, budget=smaller), "still"
    await reserve(gateway, 20, budget=smaller)
    await refused(gateway, 1, budget=smaller)
    await refused(gateway, 1, budget=Budget())
    assert account.today("key:a") == 70


async def test_no_limit_is_one_too(begun, account: Account) -> None:
    gateway = begun(FREE)
    for _ in range(50):
        await reserve(gateway, 10**12, budget=FREE)
    assert account.today() >= 50 * 10**12


async def test_what_costs_nothing_goes_through(gateway: SteppedAccount, account: Account) -> None:
    for _ in range(3):
        gateway.settle(await reserve(gateway, 0), 0)
    await gateway.aclose()
    assert [row.spent for row in parts(account)[0]] == [0, 0, 0]


async def test_a_new_day_has_an_advance_of_its_own(gateway: SteppedAccount, account: Account) -> None:
    late = await reserve(gateway, 10)
    account.clock.now += 43_200.0
    await reserve(gateway, 10)
    assert len(parts(account)[1]) == 2
    await gateway.bring_in_line()
    assert account.sums()["key:a", "2026-11-29"] == 10, "the rest is given back, one call is under way"
    gateway.settle(late, 4)
    await gateway.bring_in_line()
    assert account.sums()["key:a", "2026-11-29"] == 4


async def test_what_nobody_uses_is_given_back(gateway: SteppedAccount, account: Account) -> None:
    gateway.settle(await reserve(gateway, 10), 4)
    account.clock.now += IDLE_SECONDS
    await gateway.bring_in_line()
    assert (account.today(), parts(account)[1]) == (4, [])
    await reserve(gateway, 10)
    await gateway.aclose()
    assert [(row.state, row.counted) for row in parts(account)[0]] == [("settled", 4), ("unknown", 10)]


async def test_what_is_large_or_long_has_a_row_of_its_own(gateway: SteppedAccount, account: Account) -> None:
    small = await reserve(gateway, 1)
    gateway.settle(small, 1)
    large, long = await reserve(gateway, 500), await reserve(gateway, 1, seconds=10**6)
    assert [row.id for row in parts(account)[0]] == [large, long]
    gateway.settle(large, 100)
    gateway.release(long)
    await gateway.bring_in_line()
    assert {row.id: row.counted for row in parts(account)[0]} == {small: 1, large: 100, long: 0}


async def test_what_has_ended_is_written_without_being_asked(account: Account) -> None:
    ledger = MortalLedger(account.database, FREE)
    gateway = SpendingAccount(account.store, ledger, FREE, account.clock)
    got = await gateway.reserve(of("a"), 10, BUDGET, 600.0)
    gateway.settle(got, 4)
    async with asyncio.timeout(20):
        while got not in account.entries():
            await asyncio.sleep(0)
    await gateway.aclose()
    assert account.today() == 4


async def test_what_nobody_uses_is_looked_for(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.spending.account._LOOK_SECONDS", 0.0)
    gateway = SpendingAccount(account.store, MortalLedger(account.database, FREE), FREE, account.clock)
    gateway.release(await gateway.reserve(of("a"), 10, BUDGET, 600.0))
    account.clock.now += IDLE_SECONDS
    running = asyncio.create_task(gateway.run())
    async with asyncio.timeout(20):
        while account.today() > 0:
            await asyncio.sleep(0)
    running.cancel()
    await gateway.aclose()


async def test_what_was_released_has_room_again_at_once(begun) -> None:
    gateway = begun(Budget(day=400, month=None))
    for _ in range(3):
        gateway.release(await gateway.reserve_durably(of("a"), 400, BUDGET, 600.0))
