"""The account for an event loop: calls are reserved from advances in memory, what follows is written behind. Decides
nothing: ``advance`` and ``budget`` do.

One transaction runs at a time, so that what is written of an advance is never older than what was written before.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from backends.errors import BackendError
from gateway.spending.advance import LONGEST_SECONDS, Advance
from gateway.spending.advances import Advances
from gateway.spending.budget import Budget, day_of
from gateway.spending.entry import Call, Entry, new_id
from gateway.spending.ledger import Ledger
from gateway.spending.posting import Drawn, Posting, Want
from gateway.spending.store import SpendingStore

_LAG_SECONDS = 0.05
"""What ends within it is written together. A gateway that is killed in it leaves these calls to its advances."""
_LOOK_SECONDS = 15.0
_log = logging.getLogger("forebay.spending")
T = TypeVar("T")


class SpendingAccount:
    """``gateway``: the budget over all keys. One per process. ``run`` gives back what nobody uses and keeps the rest
    alive; ``aclose`` gives back all, and returns when everything is written.
    """

    def __init__(
        self, store: SpendingStore, ledger: Ledger, gateway: Budget, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._advances = Advances(gateway)
        self._writing = asyncio.Lock()
        self._ends: list[tuple[str, Callable[[], object]]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def reserve(self, call: Call, estimate: int, budget: Budget, seconds: float) -> str:
        """Covered, durably, by an advance on return: at once where it has room. ``seconds``: how long the call takes at
        most; its outcome is unknown after that. The id is of this process until the call has ended. Raises
        ``BackendError``: ``BUDGET_EXCEEDED``, ``STORAGE``.
        """
        if seconds <= LONGEST_SECONDS and (entry_id := self._taken(call, estimate, budget, seconds)) is not None:
            return entry_id
        return await self._undisturbed(self._drawn(call, estimate, budget, seconds))

    async def reserve_durably(self, call: Call, estimate: int, budget: Budget, seconds: float) -> str:
        """The same with a row of its own, durable on return, which any process may end by its id."""
        return await self._undisturbed(self._own_row(call, estimate, budget, seconds))

    def settle(self, entry_id: str, spent: int) -> None:
        """It cost so much."""
        if (advance := self._advances.end(entry_id)) is not None:
            advance.settle(entry_id, spent, self._clock())
        else:
            self._ends.append((entry_id, lambda: self._store.settle(entry_id, spent)))
        self._soon()

    def release(self, entry_id: str) -> None:
        """It cost nothing, for certain."""
        if (advance := self._advances.end(entry_id)) is not None:
            advance.release(entry_id)
            return
        self._ends.append((entry_id, lambda: self._store.release(entry_id)))
        self._soon()

    def doubt(self, entry_id: str) -> None:
        """Nobody knows: it counts as reserved until somebody does."""
        if (advance := self._advances.end(entry_id)) is not None:
            advance.doubt(entry_id, self._clock())
        else:
            self._ends.append((entry_id, lambda: self._store.doubt(entry_id)))
        self._soon()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.bring_in_line()

    async def aclose(self) -> None:
        """Calls still under way are of unknown outcome from here on."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        self._advances.close(self._clock())
        await self.bring_in_line()

    async def bring_in_line(self) -> None:
        """Writes what should be written by now; what fails is written the next time."""
        self._timer = None
        async with self._writing:
            now = self._clock()
            self._advances.doubt_overdue(now)
            try:
                if postings := self._advances.due(now, day_of(now)):
                    lost = await self._tried(lambda: self._ledger.post(postings), postings)
                    self._advances.written(postings, lost)
            except BackendError as error:
                _log.error("what calls have cost could not be written yet: %s", error.private or error.detail)
            await self._write_ends()

    # --- reservations ---------------------------------------------------------------------------------------------

    def _taken(self, call: Call, estimate: int, budget: Budget, seconds: float) -> str | None:
        now = self._clock()
        advance = self._advances.take(call, estimate, budget, day_of(now), now)
        if advance is None:
            return None
        entry_id = self._advances.hold(advance, call, estimate, seconds, now)
        if advance.runs_low(now):
            advance.filling = True
            self._start(self._fill(advance))
        return entry_id

    async def _drawn(self, call: Call, estimate: int, budget: Budget, seconds: float) -> str:
        async with self._writing:
            while True:
                # Who waited before may have drawn enough for all.
                if seconds <= LONGEST_SECONDS and (held := self._taken(call, estimate, budget, seconds)) is not None:
                    return held
                now = self._clock()
                day = day_of(now)
                advance = self._advances.current(call.key, day, now)
                if seconds > LONGEST_SECONDS or advance.is_large(estimate):
                    break
                if await self._granted(advance.want(estimate, budget, now), advance):
                    return self._advances.hold(advance, call, estimate, seconds, now)
        entry_id = await self._own_row(call, estimate, budget, seconds)
        advance.expect(estimate)
        return entry_id

    async def _own_row(self, call: Call, estimate: int, budget: Budget, seconds: float) -> str:
        async with self._writing:
            now = self._clock()
            row = Entry(
                id=new_id(), key=call.key, model=call.model, provider=call.provider, request_id=call.request_id,
                state="reserved", day=day_of(now), reserved=estimate, spent=0, created_at=now, due_at=now + seconds,
            )  # fmt: skip
            want = Want(key=call.key, day=row.day, least=estimate, most=estimate, budget=budget, into=row)
            await self._granted(want, None)
            return row.id

    async def _granted(self, want: Want, own: Advance | None) -> bool:
        """Whether the advance is still there. Before a call is refused, all that nobody uses is given back for it, in
        the transaction that asks again: refused all the same, nobody loses his advance.
        """

        def posted() -> list[Posting]:
            return [] if own is None else [own.posting(self._clock(), back=own.free)]

        drawn = await self._asked(want, posted())
        if drawn.refused is None:
            return want.into not in drawn.lost
        if self._ends or self._advances.may_help(drawn.refused, want.key, want.day, own):
            await self._write_ends()
            drawn = await self._asked(want, posted() + self._advances.unused(own, self._clock()))
        if drawn.refused is not None:
            raise drawn.refused.error()
        return want.into not in drawn.lost

    async def _fill(self, advance: Advance) -> None:
        """Behind the calls, which go on meanwhile with what there is. Refused, nothing happens."""
        try:
            async with self._writing:
                now = self._clock()
                if not advance.retired and advance.day == day_of(now):
                    await self._asked(advance.more(now), [advance.posting(now)])
        except BackendError as error:
            _log.error("no advance could be taken: %s", error.private or error.detail)
        finally:
            advance.filling = False

    async def _asked(self, want: Want, postings: list[Posting]) -> Drawn:
        drawn = await self._tried(lambda: self._ledger.draw(want, postings), postings)
        self._advances.drawn(want, drawn, postings)
        return drawn

    # --- threads and tasks ----------------------------------------------------------------------------------------

    async def _tried(self, write: Callable[[], T], postings: list[Posting]) -> T:
        try:
            return await asyncio.to_thread(write)
        except BaseException:
            self._advances.unsure(postings)
            raise

    async def _write_ends(self) -> None:
        ends, self._ends = self._ends, []
        if ends:
            await asyncio.to_thread(_write_each, ends)

    def _soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LAG_SECONDS, lambda: self._start(self.bring_in_line()))

    async def _undisturbed(self, work: Coroutine[Any, Any, str]) -> str:
        """Whoever gives up waiting leaves it to end: what has been written must be known."""
        task = self._start(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._unclaimed)
            raise

    def _unclaimed(self, task: asyncio.Task[str]) -> None:
        if not task.cancelled() and task.exception() is None:
            self.release(task.result())

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _write_each(ends: list[tuple[str, Callable[[], object]]]) -> None:
    for entry_id, write in ends:
        try:
            write()
        except BackendError as error:
            # It stays reserved, and becomes unknown when its time is up: it counts for more, not for less.
            _log.error("what %s has cost could not be written: %s", entry_id, error.private or error.detail)
