"""Whatever calls, clocks, failures, kills and operators do: what the database counts is never less than what providers
may be paid, nothing is promised past a budget, and nobody is refused for what a gateway only keeps in advance.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, delete

from backends.errors import BackendError, Cause
from gateway.spending.budget import Budget, Spent, day_of, month_of, refusal
from gateway.spending.sums import Place, places, spent_of
from gateway.spending.table import metadata, spending, totals
from tests.advance_fixtures import Made, of
from tests.fakes.mortal_ledger import End, Killed, SteppedAccount
from tests.job_fixtures import Opener, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.spending_fixtures import Account, account_on

# ruff: noqa: F811

T = TypeVar("T")
GATEWAY_DAY, GATEWAY_MONTH = 400, 900
GATEWAY = Budget(day=GATEWAY_DAY, month=GATEWAY_MONTH)
limits = st.sampled_from((None, 0, 40, 100, 250, 1000))
budgets = st.builds(Budget, day=limits, month=limits, request=st.sampled_from((None, None, None, 30)))
keys = st.sampled_from(("a", "b", "c"))
estimates = st.one_of(st.integers(0, 12), st.integers(0, 12), st.integers(13, 120))
ends: st.SearchStrategy[End] = st.sampled_from(("killed before", "killed after", "fails before", "fails after"))


class SpendingMachine(RuleBasedStateMachine):
    """Two gateways on one database. ``exact``: refusals can be told in advance, to the word."""

    database: Engine

    def __init__(self) -> None:
        super().__init__()
        with self.database.begin() as connection:
            connection.execute(delete(spending))
            connection.execute(delete(totals))
        self.account: Account = account_on(self.database)
        self.loop = asyncio.new_event_loop()
        self.made: list[Made] = []
        self.exact = True
        self.overrun = 0
        self.alive = [self.begun(), self.begun()]

    def begun(self) -> SteppedAccount:
        return SteppedAccount(self.database, GATEWAY, self.account.clock)

    # --- calls ----------------------------------------------------------------------------------------------------

    @rule(at=st.integers(0, 1), key=keys, estimate=estimates, budget=budgets, durable=st.sampled_from((0, 0, 0, 1)))
    def call(self, at: int, key: str, estimate: int, budget: Budget, durable: int) -> None:
        gateway = self.alive[at]
        must_not = refusal(estimate, budget, GATEWAY, self.used(gateway, key))
        armed = gateway.ledger.next_end is not None
        error = self.reserved(gateway, key, estimate, budget, durable=bool(durable))
        if error is not None and error.cause is Cause.STORAGE:
            assert armed
        elif self.exact:
            assert (error is None) == (must_not is None), f"{must_not} {error}"
            assert error is None or must_not is None or error.detail == must_not.error().detail

    @rule(at=st.integers(0, 1), key=keys, estimate=st.integers(1, 12), times=st.integers(2, 12))
    def calls_in_a_row(self, at: int, key: str, estimate: int, times: int) -> None:
        for _ in range(times):
            self.reserved(self.alive[at], key, estimate, Budget(day=250, month=None))

    @rule(at=st.integers(0, 1), wanted=st.lists(st.tuples(keys, estimates), min_size=2, max_size=6), budget=budgets)
    def calls_at_once(self, at: int, wanted: list[tuple[str, int]], budget: Budget) -> None:
        gateway = self.alive[at]

        async def all_of_them() -> list[str | BaseException]:
            one_by_one = (gateway.reserve(of(key), estimate, budget, 600.0) for key, estimate in wanted)
            return await asyncio.gather(*one_by_one, return_exceptions=True)

        found = self.run(gateway, all_of_them)
        if found is not None:
            for (key, estimate), got in zip(wanted, found, strict=True):
                assert isinstance(got, str | BackendError | Killed), repr(got)
                if isinstance(got, str):
                    self.promised(gateway, got, key, estimate, budget, at_once=True)
            if any(isinstance(got, Killed) for got in found):
                self.bury(gateway)

    def reserved(
        self, gateway: SteppedAccount, key: str, estimate: int, budget: Budget, *, durable: bool = False
    ) -> BackendError | None:
        reserve = gateway.reserve_durably if durable else gateway.reserve
        try:
            got = self.run(gateway, lambda: reserve(of(key), estimate, budget, 600.0))
        except BackendError as error:
            return error
        if got is not None:
            self.promised(gateway, got, key, estimate, budget)
        return None

    def promised(
        self, gateway: SteppedAccount, got: str, key: str, estimate: int, budget: Budget, *, at_once: bool = False
    ) -> None:
        day = day_of(self.account.clock())
        self.made.append(Made(id=got, by=gateway, key=key, day=day, reserved=estimate))
        paid = spent_of(key, day, self.paid())
        for limit, amount in (
            (budget.day, paid.key_day), (budget.month, paid.key_month),
            (GATEWAY.day, paid.gateway_day), (GATEWAY.month, paid.gateway_month),
        ):  # fmt: skip
            assert estimate == 0 or limit is None or amount <= limit, "past a budget"
        assert budget.request is None or estimate <= budget.request

    @precondition(lambda self: bool(self.open()))
    @rule(data=st.data(), how=st.sampled_from(("settle", "settle", "release", "doubt")), share=st.integers(0, 100))
    def end(self, data: st.DataObject, how: str, share: int) -> None:
        call = data.draw(st.sampled_from(self.open()))
        if how == "settle":
            call.state, call.spent = "settled", call.reserved * share // 100
            call.by.settle(call.id, call.spent)
        elif how == "release":
            call.state = "released"
            call.by.release(call.id)
        else:
            call.state = "unknown"
            call.by.doubt(call.id)

    @precondition(lambda self: bool(self.open()))
    @rule(data=st.data(), more=st.integers(1, 30))
    def end_dearer(self, data: st.DataObject, more: int) -> None:
        call = data.draw(st.sampled_from(self.open()))
        call.state, call.spent = "settled", call.reserved + more
        self.overrun += more
        call.by.settle(call.id, call.spent)
        self.bring_in_line(self.alive.index(call.by))

    # --- what else happens ----------------------------------------------------------------------------------------

    @rule(at=st.integers(0, 1))
    def bring_in_line(self, at: int) -> None:
        gateway = self.alive[at]
        healthy = gateway.ledger.next_end is None
        self.run(gateway, gateway.bring_in_line)
        for call in self.made:
            if call.by is gateway and call.state == "open" and self.account.clock() > self.due(call):
                call.state = "unknown"
        if healthy:
            rows = self.account.entries()
            for call in self.made:
                if call.by is gateway and call.state in ("settled", "unknown"):
                    row = rows[call.id]
                    assert (row.state, row.spent, row.reserved) == (call.state, call.spent, call.reserved)

    @rule(seconds=st.sampled_from((1.0, 30.0, 70.0, 200.0, 301.0, 700.0, 86_400.0)))
    def pass_time(self, seconds: float) -> None:
        self.account.clock.now += seconds

    @rule(at=st.integers(0, 1), end=ends)
    def arm(self, at: int, end: End) -> None:
        self.alive[at].ledger.next_end = end
        self.exact = self.exact and end.startswith("fails")

    @rule(at=st.integers(0, 1))
    def kill(self, at: int) -> None:
        self.bury(self.alive[at])

    @rule(at=st.integers(0, 1))
    def stop(self, at: int) -> None:
        gateway = self.alive[at]
        healthy, had = gateway.ledger.next_end is None, gateway.advances()
        self.run(gateway, gateway.aclose)
        if gateway in self.alive:
            assert not healthy or not had & self.account.entries().keys() - self.settled_by_hand
            self.bury(gateway)

    @rule()
    def look_for_overdue(self) -> None:
        self.account.store.doubt_overdue()

    @precondition(lambda self: any(entry.state == "unknown" for entry in self.account.entries().values()))
    @rule()
    def settle_by_hand(self) -> None:
        """For as much as it counts for: nobody knows better here. Also what belongs to a gateway that lives."""
        unknown = [entry for entry in self.account.entries().values() if entry.state == "unknown"]
        for entry in unknown:
            self.account.store.settle(entry.id, entry.reserved)
            self.settled_by_hand.add(entry.id)
        known = {entry.id for entry in unknown}
        for call in self.made:
            if call.id in known:
                call.state, call.spent = "settled", call.reserved
        for entry in unknown:
            if any(entry.id in gateway.advances() for gateway in self.alive):
                self.exact = False
                self.overrun += entry.reserved  # calls of it that are under way count twice, once they have ended

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def what_counts_is_no_less_than_what_may_be_paid(self) -> None:
        counts = self.account.totals()
        for place, paid in self.paid().items():
            assert counts.get(place, 0) >= paid, place

    @invariant()
    def the_sums_are_what_the_rows_count_for(self) -> None:
        assert self.account.totals() == self.account.sums()

    @invariant()
    def the_gateways_budget_holds(self) -> None:
        for (scope, period), amount in self.account.totals().items():
            if scope == "gateway":
                assert amount <= (GATEWAY_MONTH if period == month_of(period) else GATEWAY_DAY) + self.overrun

    # --- the model ------------------------------------------------------------------------------------------------

    settled_by_hand: set[str]

    def open(self) -> list[Made]:
        return [call for call in self.made if call.state == "open" and call.by in self.alive]

    def due(self, call: Made) -> float:
        found = self.account.entries().get(call.id)
        return found.due_at if found is not None and found.state == "unknown" else float("inf")

    def paid(self) -> Counter[Place]:
        found: Counter[Place] = Counter()
        for call in self.made:
            for place in places(call.key, call.day):
                found[place] += call.paid
        return found

    def used(self, gateway: SteppedAccount, key: str) -> Spent:
        """What counts, without what this gateway only keeps in advance: its calls, and the rows of others."""
        own = {call.id for call in self.made if call.by is gateway} | gateway.advances()
        found: Counter[Place] = Counter()
        for entry in self.account.entries().values():
            if entry.id not in own:
                for place in places(entry.key, entry.day):
                    found[place] += entry.counted
        for call in self.made:
            if call.by is gateway:
                for place in places(call.key, call.day):
                    found[place] += call.counted
        return spent_of(key, day_of(self.account.clock()), found)

    def run(self, gateway: SteppedAccount, work: Callable[[], Awaitable[T]]) -> T | None:
        async def until_quiet() -> T:
            got = await work()
            await gateway.settled_down()
            return got

        try:
            return self.loop.run_until_complete(until_quiet())
        except Killed:
            self.bury(gateway)
            return None

    def bury(self, gateway: SteppedAccount) -> None:
        if gateway in self.alive:
            self.alive[self.alive.index(gateway)] = self.begun()

    def teardown(self) -> None:
        for at in range(2):
            self.alive[at].ledger.next_end = None
            self.stop(at)
        self.the_sums_are_what_the_rows_count_for()
        self.loop.close()


@pytest.fixture
def database(opener: Opener) -> Iterator[Engine]:
    engine = opener()
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_budgets_hold_through_everything(database: Engine) -> None:
    machine = type("Machine", (SpendingMachine,), {"database": database, "settled_by_hand": set()})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=40))
