"""A gateway that spends from advances until it is killed: ``python -m tests.fakes.advancing DATABASE BUDGET SEED``.

Before a call would leave it prints ``sent KEY ESTIMATE``, as a provider would see it; refused, it begins again after a
while. Calls run four at a time, cost some of what was reserved, are refused by the provider or never heard of.
"""

import asyncio
import random
import sys
import time
from pathlib import Path

from backends.errors import BackendError, Cause
from gateway.database import open_database
from gateway.spending.account import SpendingAccount
from gateway.spending.budget import Budget
from gateway.spending.entry import Call
from gateway.spending.ledger import Ledger
from gateway.spending.store import SpendingStore


async def main(where: str, budget: int, seed: int) -> None:
    database = open_database(where if "://" in where else Path(where))
    limits = Budget(day=None, month=budget)
    account = SpendingAccount(SpendingStore(database, time.time), Ledger(database, limits), limits)
    chance = random.Random(seed)

    async def spend() -> None:
        while True:
            key, estimate = f"key_{chance.randrange(3)}", chance.randrange(1, 20)
            try:
                call = Call(key=key, model="m", provider="p")
                got = await account.reserve(call, estimate, Budget(day=None, month=None), 600.0)
            except BackendError as error:
                if error.cause is not Cause.BUDGET_EXCEEDED:
                    raise
                print("refused", flush=True)
                continue
            print(f"sent {key} {estimate}", flush=True)
            await asyncio.sleep(0)
            how = chance.random()
            if how < 0.8:
                spent = chance.randrange(estimate + 1)
                print(f"cost {key} {estimate - spent} less", flush=True)
                account.settle(got, spent)
            elif how < 0.9:
                print(f"cost {key} {estimate} less", flush=True)
                account.release(got)
            else:
                account.doubt(got)

    await asyncio.gather(*(spend() for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
