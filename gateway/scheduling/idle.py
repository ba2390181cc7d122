"""Residents that nobody has used for long: asleep first where that is possible, then gone. Asks only the clock.

So device memory is there for others, also for other programs, after the same time whether an engine can sleep or not.
"""

from collections.abc import Iterator

from backends.contract import BackendState
from gateway.scheduling.books import Books
from gateway.scheduling.device import HOST
from gateway.scheduling.lifecycle import Lifecycle
from gateway.scheduling.limits import Limits
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.price import beds_of
from gateway.scheduling.state import State
from gateway.scheduling.target import Depth


class Idle:
    """Part of the scheduler's single writer."""

    def __init__(self, limits: Limits, state: State, lifecycle: Lifecycle) -> None:
        self._limits = limits
        self._state = state
        self._lifecycle = lifecycle

    def tick(self, now: float) -> None:
        """Sends away whoever has been unused for its time. ``now`` in monotonic seconds."""
        for occupant in self._state.occupants:
            if not occupant.target.managed or not self._is_over(occupant, now) or not self._lifecycle.is_idle(occupant):
                continue
            depth = self._bed(occupant, now)
            if depth is None:
                self._lifecycle.stop(occupant, "idle")
            else:
                self._lifecycle.put_to_sleep(occupant, depth, "idle")

    def _is_over(self, occupant: Occupant, now: float) -> bool:
        if occupant.state is BackendState.SLEEPING:
            return now - occupant.since >= self._limits.asleep_unload
        own = occupant.target.idle_unload_seconds
        return now - occupant.last_used >= (self._limits.idle_unload if own is None else own)

    def _bed(self, occupant: Occupant, now: float) -> Depth | None:
        """The lightest sleep that host RAM has room for, nobody being moved for it; ``None``: it has to go."""
        state = self._state
        resident = state.occupants.snapshot(occupant, now)
        books = Books(state.residents(), state.inventory, state.policy)
        fits: Iterator[Depth] = (
            d for d, bed in beds_of(resident) if books.has({HOST: bed.host_bytes - resident.held(HOST)})
        )
        return next(fits, None)
