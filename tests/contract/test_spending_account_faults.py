"""The account of a gateway when something fails, ends too late or is taken for dead, and beside others."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from gateway.spending.advance import ALIVE_SECONDS
from gateway.spending.budget import Budget
from tests.advance_fixtures import BUDGET, begun, gateway, of, parts, reserve  # noqa: F401
from tests.fakes.mortal_ledger import SteppedAccount
from tests.job_fixtures import Opener, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.spending_fixtures import FREE, Account, account  # noqa: F401

# ruff: noqa: F811


async def test_another_process_ends_what_was_reserved_for_it(begun, account: Account, opener: Opener) -> None:
    gateway = begun(Budget(day=400, month=None))
    await reserve(gateway, 20)
    got = await gateway.reserve_durably(of("b"), 380, BUDGET, 10**6)
    assert account.entries()[got].due_at == account.clock() + 10**6
    other = SteppedAccount(opener(), FREE, account.clock)
    other.settle(got, 7)
    await other.bring_in_line()
    assert account.entries()[got].spent == 7


async def test_who_gives_up_waiting_leaves_nothing(gateway: SteppedAccount, account: Account) -> None:
    for reserving in (gateway.reserve, gateway.reserve_durably):
        waiting = asyncio.create_task(reserving(of("a"), 10, BUDGET, 600.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await gateway.settled_down()
    await gateway.aclose()
    assert account.today() == 0


async def test_a_killed_gateway_leaves_its_advance_to_an_operator(gateway: SteppedAccount, account: Account) -> None:
    gateway.settle(await reserve(gateway, 10), 4)
    counts = account.today()
    account.clock.now += ALIVE_SECONDS + 1
    (left,) = account.store.doubt_overdue()
    assert (left.in_advance, account.today()) == (True, counts)
    account.store.settle(left.id, 4)
    assert account.today() == 4


async def test_a_gateway_that_lives_is_not_taken_for_dead(gateway: SteppedAccount, account: Account) -> None:
    late = await reserve(gateway, 10, seconds=7200.0)
    for _ in range(40):
        account.clock.now += 30
        await gateway.bring_in_line()
        assert account.store.doubt_overdue() == ()
    gateway.settle(late, 4)
    await gateway.aclose()
    assert account.today() == 4


@pytest.mark.parametrize("settled", [False, True])
async def test_one_that_was_taken_for_dead_finds_out(gateway: SteppedAccount, account: Account, settled: bool) -> None:
    late = await reserve(gateway, 10)
    account.clock.now += ALIVE_SECONDS + 1
    (left,) = account.store.doubt_overdue()
    if settled:
        account.store.settle(left.id, 0)
        assert account.today() == 0
    again = await reserve(gateway, 10)
    (advance,) = (row for row in parts(account)[1] if row.state == "reserved")
    assert (advance.id == left.id) is not settled
    gateway.settle(late, 4)
    gateway.settle(again, 4)
    await gateway.aclose()
    assert account.today() == 8


async def test_a_call_that_nobody_ends_is_unknown_in_time(gateway: SteppedAccount, account: Account) -> None:
    late = await reserve(gateway, 10, seconds=100.0)
    account.clock.now += 101
    await gateway.bring_in_line()
    assert account.entries()[late].state == "unknown"
    gateway.settle(late, 4)
    await gateway.aclose()
    assert account.today() == 4


@pytest.mark.parametrize("end", ["fails before", "fails after"])
async def test_what_could_not_be_written_is_written_later_and_once(
    gateway: SteppedAccount, account: Account, end
) -> None:
    gateway.ledger.next_end = end
    with pytest.raises(BackendError) as error:
        await reserve(gateway, 10)
    assert error.value.cause is Cause.STORAGE
    first, second = await reserve(gateway, 10), await reserve(gateway, 10)
    gateway.settle(first, 4)
    gateway.ledger.next_end = end
    await gateway.bring_in_line()
    gateway.settle(second, 40)
    await gateway.bring_in_line()
    assert {row.id: row.counted for row in parts(account)[0]} == {first: 4, second: 40}
    gateway.ledger.next_end = end
    await gateway.aclose()
    await gateway.bring_in_line()
    assert (account.today(), parts(account)[1]) == (44, [])


async def test_two_gateways_leave_each_other_room(begun, account: Account) -> None:
    shared = Budget(day=1000, month=None)
    one, other = begun(shared), begun(shared)
    for each in (one, other):
        await reserve(each, 10, budget=FREE)
    assert account.today() < 700
    given = 0
    for number in range(200):
        try:
            await reserve((one, other)[number % 2], 10, budget=FREE)
            given += 1
        except BackendError:
            pass
    assert 70 <= given <= 98
    assert account.today() <= 1000


async def test_an_advance_that_may_have_been_taken_stands_in_nobodys_way(begun, account: Account) -> None:
    gateway = begun(Budget(day=400, month=None))
    gateway.ledger.next_end = "fails after"
    with pytest.raises(BackendError, match="cannot be written"):
        await reserve(gateway, 10, key="a")
    assert account.today() > 10
    await reserve(gateway, 400, key="b")
