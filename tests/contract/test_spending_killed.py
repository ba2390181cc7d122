"""SIGKILL in the middle: what two gateways on one database had let go by then counts in it."""

import subprocess
import sys

import pytest

from tests.contract.test_spending_together import forbid_more, where
from tests.job_fixtures import Opener, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.spending_fixtures import Account, account  # noqa: F401
from tests.tree import ROOT

# ruff: noqa: F811

BUDGET = 1_505
"""As ``forbid_more`` has it."""


@pytest.mark.parametrize("lines", [1, 9, 40, 150, 400])
def test_what_was_let_go_counts_after_a_kill(account: Account, lines: int):
    forbid_more(account.database)
    words = [sys.executable, "-m", "tests.fakes.advancing", where(account.database), str(BUDGET)]
    gateways = [
        subprocess.Popen([*words, str(seed)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for seed in (lines, lines + 1)
    ]
    said = [[gateway.stdout.readline() for _ in range(lines)] for gateway in gateways]
    for gateway in gateways:
        gateway.kill()
    for heard, gateway in zip(said, gateways, strict=True):
        heard += gateway.stdout.readlines()  # not ``communicate``, which forgets what is buffered here
        errors = gateway.communicate(timeout=60)[1]
        assert errors == "", errors
    paid = sum(amount(line) for heard in said for line in heard if line.endswith("\n"))
    assert account.totals() == account.sums()
    counts = max(amount for (scope, _), amount in account.totals().items() if scope == "gateway")
    assert 0 < paid <= counts <= BUDGET
    account.clock.now = 10**10
    assert account.store.doubt_overdue()
    assert {entry.state for entry in account.entries().values()} <= {"settled", "unknown"}
    assert account.totals() == account.sums()


def amount(line: str) -> int:
    """What a line of ``advancing`` makes of what providers may have been paid."""
    words = line.split()
    return {"sent": 1, "cost": -1}.get(words[0], 0) * int(words[2] if len(words) > 2 else 0)
