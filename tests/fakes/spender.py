"""A gateway that only spends: ``python -m tests.fakes.spender DATABASE BUDGET ESTIMATE TIMES``.

Says ``ready``, waits for a line, then reserves as often as it may, and prints how many it was given. Of those that it
got, each third is settled for half, each third released; so room comes back while others ask for it.
"""

import sys
import time
from pathlib import Path

from backends.errors import BackendError, Cause
from gateway.database import open_database
from gateway.spending.budget import Budget
from gateway.spending.entry import Call
from gateway.spending.store import SpendingStore


def main(where: str, budget: int, estimate: int, times: int) -> int:
    """How many reservations were given."""
    store = SpendingStore(open_database(where if "://" in where else Path(where)), time.time)
    print("ready", flush=True)
    sys.stdin.readline()
    limits = Budget(day=None, month=budget)
    given = 0
    for number in range(times):
        try:
            call = Call(key=f"key_{number % 3}", model="m", provider="p")
            entry = store.reserve(call, estimate, Budget(day=None, month=None), limits, seconds=3600)
        except BackendError as error:
            if error.cause is not Cause.BUDGET_EXCEEDED:
                raise
            continue
        given += 1
        if given % 3 == 1:
            store.settle(entry.id, estimate // 2)
        elif given % 3 == 2:
            store.release(entry.id)
    return given


if __name__ == "__main__":
    print(main(sys.argv[1], *map(int, sys.argv[2:])))
