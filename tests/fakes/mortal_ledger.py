"""A ledger that fails, or whose gateway is killed, before or after a transaction; an account that a test moves on."""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeVar

from sqlalchemy import Engine

from backends.errors import BackendError, Cause
from gateway.spending.account import SpendingAccount
from gateway.spending.budget import Budget
from gateway.spending.ledger import Ledger
from gateway.spending.posting import Drawn, Posting, Want
from gateway.spending.store import SpendingStore

End = Literal["killed before", "killed after", "fails before", "fails after"]
T = TypeVar("T")


class Killed(BaseException):
    """The process is no more: nobody hears what has become of the transaction."""


class MortalLedger(Ledger):
    """``next_end``: what happens to the next transaction instead of its plain end. ``transactions`` counts all."""

    next_end: End | None = None
    transactions = 0

    def post(self, postings: list[Posting]) -> frozenset[str]:
        return self._end(lambda: super(MortalLedger, self).post(postings))

    def draw(self, want: Want, postings: list[Posting]) -> Drawn:
        return self._end(lambda: super(MortalLedger, self).draw(want, postings))

    def _end(self, write: Callable[[], T]) -> T:
        end, self.next_end = self.next_end, None
        self.transactions += 1
        if end is None:
            return write()
        if end.endswith("after"):
            write()
        raise Killed if end.startswith("killed") else BackendError(Cause.STORAGE, "the account cannot be written")


class SteppedAccount(SpendingAccount):
    """Writes behind only when a test says so: ``bring_in_line``."""

    def __init__(self, database: Engine, gateway: Budget, clock: Callable[[], float]) -> None:
        self.ledger = MortalLedger(database, gateway)
        super().__init__(SpendingStore(database, clock), self.ledger, gateway, clock)

    def _soon(self) -> None:
        pass

    async def settled_down(self) -> None:
        """What goes on behind the calls has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)
            await asyncio.sleep(0)  # lets them leave the set

    def advances(self) -> set[str]:
        return set(self._advances._all)
