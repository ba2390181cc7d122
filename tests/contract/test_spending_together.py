"""Processes that spend from one budget at the same time: together never more than it has, at no moment."""

import subprocess
import sys

import pytest
from sqlalchemy import Engine

from backends.errors import BackendError
from tests.job_fixtures import Opener, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.spending_fixtures import Account, account  # noqa: F401
from tests.tree import ROOT

# ruff: noqa: F811

PROCESSES = 2
TIMES = 200
ESTIMATE = 10
BUDGET = 1_505
"""Not a multiple of the estimate, and less than everybody wants."""


def forbid_more(database: Engine) -> None:
    """The database itself refuses a total above the budget: who writes one fails, and says so."""
    above = f"scope = 'gateway' AND {{}}amount > {BUDGET}"
    with database.begin() as connection:
        if database.dialect.name == "postgresql":
            connection.exec_driver_sql(f"ALTER TABLE spending_totals ADD CHECK (NOT ({above.format('')}))")
        else:
            connection.exec_driver_sql(
                f"CREATE TRIGGER above BEFORE UPDATE ON spending_totals WHEN NEW.{above.format('NEW.')} "
                "BEGIN SELECT RAISE(ABORT, 'above the budget'); END"
            )


def where(database: Engine) -> str:
    url = database.url
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.mark.parametrize("processes", [PROCESSES, 4])
def test_processes_together_never_promise_more_than_there_is(account: Account, processes: int):
    forbid_more(account.database)
    words = [
        sys.executable,
        "-m",
        "tests.fakes.spender",
        where(account.database),
        str(BUDGET),
        str(ESTIMATE),
        str(TIMES),
    ]
    spenders = [
        subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    for spender in spenders:
        assert spender.stdout.readline() == "ready\n", spender.communicate()[1]
    for spender in spenders:
        spender.stdin.write("go\n")
        spender.stdin.flush()
    ended = [spender.communicate(timeout=100) for spender in spenders]
    assert [spender.returncode for spender in spenders] == [0] * processes, [said[1] for said in ended]
    given = [int(said[0]) for said in ended]
    entries = account.entries().values()
    assert len(entries) == sum(given)
    assert all(given), "nobody was kept out for ever"
    assert sum(given) < processes * TIMES, "there was less than everybody wanted"
    assert account.totals() == account.sums()
    spent = sum(entry.counted for entry in entries)
    assert BUDGET - ESTIMATE < spent <= BUDGET, "and nothing was kept back"


def test_the_guard_of_this_test_sees_one_billionth(account: Account):
    forbid_more(account.database)
    entry = account.reserve(BUDGET)
    account.store.settle(entry.id, BUDGET)
    with pytest.raises(BackendError, match="account cannot be written"):
        account.reserve(1)
