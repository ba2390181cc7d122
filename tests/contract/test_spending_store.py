"""The account of what was spent, on SQLite and on PostgreSQL."""

import threading

import pytest
from sqlalchemy import event, text

from backends.errors import BackendError, Cause
from gateway.spending.budget import Budget
from tests.job_fixtures import Opener, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.spending_fixtures import FREE, NOON, Account, account, account_on  # noqa: F401

# ruff: noqa: F811

DAY = 86_400.0


def refused(account: Account, estimate: int, **given) -> BackendError:
    before = account.totals(), account.entries()
    with pytest.raises(BackendError) as error:
        account.reserve(estimate, **given)
    assert error.value.cause is Cause.BUDGET_EXCEEDED
    assert (account.totals(), account.entries()) == before, "what is refused leaves nothing"
    return error.value


def test_a_reservation_is_there_for_every_connection(account: Account, opener: Opener):
    entry = account.reserve(70, seconds=90.0)
    other = account_on(opener())
    assert other.entries() == {entry.id: entry}
    assert (entry.key, entry.model, entry.provider, entry.request_id) == ("key_a", "m", "p", "r")
    assert (entry.state, entry.reserved, entry.spent, entry.day) == ("reserved", 70, 0, "2026-11-29")
    assert (entry.created_at, entry.due_at, entry.ended_at) == (NOON, NOON + 90.0, None)
    assert other.totals() == {
        (scope, period): 70 for scope in ("gateway", "key:key_a") for period in ("2026-11", "2026-11-29")
    }


def test_by_default_nothing_may_be_spent(account: Account):
    assert "nothing" in refused(account, 1, budget=Budget()).detail
    assert "gateway" in refused(account, 1, gateway=Budget()).detail
    assert account.store.left("key_a", Budget(), FREE) == 0


def test_a_budget_is_shared_by_reservations_and_what_was_spent(account: Account):
    budget = Budget(day=100, month=None)
    first = account.reserve(60, budget=budget)
    assert account.store.left("key_a", budget, FREE) == 40
    refused(account, 41, budget=budget)
    account.store.settle(first.id, 25)
    assert account.store.left("key_a", budget, FREE) == 75
    account.reserve(75, budget=budget)
    refused(account, 1, budget=budget)
    assert account.store.left("key_b", budget, FREE) == 100, "another key's is its own"
    assert account.store.left("key_b", FREE, Budget(day=101, month=None)) == 1, "the gateway's is everybody's"
    refused(account, 2, key="key_b", gateway=Budget(day=101, month=None))


def test_a_day_and_a_month_end(account: Account):
    day, month = Budget(day=100, month=None), Budget(day=None, month=100)
    account.reserve(100, budget=day)
    refused(account, 1, budget=day)
    account.clock.now += DAY
    assert account.store.left("key_a", day, FREE) == 100
    account.reserve(100, budget=day)
    refused(account, 1, budget=month)
    account.clock.now += DAY  # the first of December
    account.reserve(100, budget=month)


def test_what_ends_later_counts_on_the_day_on_which_it_began(account: Account):
    entry = account.reserve(60)
    account.clock.now += 40 * DAY
    account.store.settle(entry.id, 10)
    assert account.today() == 0
    assert account.totals() == {
        (scope, period): 10 for scope in ("gateway", "key:key_a") for period in ("2026-11", "2026-11-29")
    }


def test_settling_happens_once(account: Account):
    entry = account.reserve(60)
    account.clock.now += 5
    settled = account.store.settle(entry.id, 10)
    assert (settled.state, settled.spent, settled.reserved, settled.ended_at) == ("settled", 10, 60, NOON + 5)
    account.clock.now += 5
    for again in (account.store.settle(entry.id, 59), account.store.release(entry.id), account.store.doubt(entry.id)):
        assert again == settled
    assert account.today() == 10


def test_releasing_happens_once_and_gives_all_back(account: Account):
    entry = account.reserve(60)
    released = account.store.release(entry.id)
    assert (released.state, released.spent) == ("released", 0)
    assert account.store.release(entry.id) == account.store.doubt(entry.id) == released
    assert account.totals() == {}


def test_what_was_released_and_charged_after_all_counts(account: Account):
    entry = account.reserve(60)
    account.store.release(entry.id)
    assert account.store.settle(entry.id, 20).state == "settled"
    assert account.today() == 20


def test_more_than_was_reserved_counts_too(account: Account):
    budget = Budget(day=100, month=None)
    entry = account.reserve(60, budget=budget)
    assert account.store.settle(entry.id, 130).spent == 130
    assert account.today("key:key_a") == 130
    assert account.store.left("key_a", budget, FREE) == 0
    refused(account, 1, budget=budget)


def test_only_what_was_more_waits_for_the_disk(opener: Opener, account: Account):
    if account.database.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has its own say in that")
    said: list[str] = []
    event.listen(account.database, "before_cursor_execute", lambda *given: said.append(given[2]))

    def waits(done, *given) -> bool:
        said.clear()
        done(*given)
        return [line for line in said if line.startswith("PRAGMA")][-1].endswith("FULL")

    one, two, three = (account.reserve(60) for _ in range(3))
    assert waits(account.reserve, 1)
    assert not waits(account.store.settle, one.id, 60)
    assert waits(account.store.settle, two.id, 61)
    assert not waits(account.store.release, three.id)


def test_what_nobody_heard_of_counts_until_it_is_known(account: Account):
    entry = account.reserve(60)
    doubted = account.store.doubt(entry.id)
    assert (doubted.state, doubted.reserved, doubted.ended_at) == ("unknown", 60, None)
    assert account.today() == 60
    account.clock.now += 3600
    assert account.store.settle(entry.id, 15).state == "settled"
    assert account.today() == 15


def test_a_gateway_that_died_leaves_its_reservations(account: Account, opener: Opener):
    soon, late, done = (
        account.reserve(60, seconds=10),
        account.reserve(70, seconds=100),
        account.reserve(80, seconds=10),
    )
    account.store.settle(done.id, 80)
    later = account_on(opener())
    later.clock.now += 10
    assert later.store.doubt_overdue() == ()
    later.clock.now += 1
    assert [(entry.id, entry.state) for entry in later.store.doubt_overdue()] == [(soon.id, "unknown")]
    assert later.store.doubt_overdue() == ()
    assert later.entries()[late.id].state == "reserved"
    later.clock.now += 365 * DAY
    assert [entry.id for entry in later.store.doubt_overdue()] == [late.id]
    assert later.sums() == later.totals()
    assert sum(entry.counted for entry in later.entries().values()) == 60 + 70 + 80, "time frees nothing"


@pytest.mark.parametrize("unknown", ["spend_nobodys", "", "\0", "' OR 1=1 --"])
def test_a_call_that_nobody_reserved(account: Account, unknown: str):
    account.reserve(60)
    for attempt in (lambda: account.store.settle(unknown, 1), lambda: account.store.release(unknown)):
        with pytest.raises(BackendError) as error:
            attempt()
        assert error.value.cause is Cause.NOT_FOUND
    assert account.today() == 60


def test_the_totals_are_what_the_rows_add_up_to(account: Account):
    for number in range(40):
        entry = account.reserve(10 + number, key=f"key_{number % 3}")
        turns = (
            lambda which: account.store.settle(which, 7),
            account.store.release,
            account.store.doubt,
            lambda which: account.store.settle(which, 99),
        )
        turns[number % 4](entry.id)
        turns[number % 3](entry.id)
        account.clock.now += DAY / 3
    assert account.totals() == account.sums()
    assert len({entry.day for entry in account.entries().values()}) > 10


def test_of_many_at_once_as_many_get_through_as_there_is_room_for(account: Account, opener: Opener):
    """From nothing, so that they also race for the rows of the totals."""
    accounts = [account_on(opener()) for _ in range(6)]
    gate, given, failed = threading.Barrier(len(accounts)), [], []

    def spend(one: Account, number: int) -> None:
        gate.wait(60)
        for _ in range(20):
            try:
                given.append(one.reserve(10, key=f"key_{number % 2}", gateway=Budget(day=305, month=None)))
            except BackendError as error:
                if error.cause is not Cause.BUDGET_EXCEEDED:
                    failed.append(error.private)

    threads = [threading.Thread(target=spend, args=(one, number)) for number, one in enumerate(accounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(given) == 30
    assert account.totals() == account.sums()


def test_a_database_that_fails_is_a_storage_error_and_nothing_is_promised(account: Account):
    entry = account.reserve(60)
    with account.database.begin() as connection:
        connection.execute(text("DROP TABLE spending_totals"))
    for attempt in (
        lambda: account.reserve(1),
        lambda: account.store.settle(entry.id, 1),
        lambda: account.store.left("key_a", FREE, FREE),
    ):
        with pytest.raises(BackendError) as error:
            attempt()
        assert error.value.cause is Cause.STORAGE
        assert "spending" not in error.value.detail
    assert account.entries() == {entry.id: entry}
