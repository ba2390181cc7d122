"""Residents that nobody has used for long: asleep first where that is possible, then gone. Asks only the clock."""

from backends.contract import BackendState
from gateway.scheduling.books import Books
from gateway.scheduling.device import HOST
from gateway.scheduling.lifecycle import Lifecycle
from gateway.scheduling.limits import Limits
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.resident import bytes_on
from gateway.scheduling.state import State


class Idle:
    """Part of the scheduler's single writer."""

    def __init__(self, limits: Limits, state: State, lifecycle: Lifecycle) -> None:
        self._limits = limits
        self._state = state
        self._lifecycle = lifecycle

    def tick(self, now: float) -> None:
        """Sends away whoever has been unused for its time. ``now`` in monotonic seconds."""
        for occupant in self._state.occupants:
            unused = now - occupant.last_used
            if not occupant.target.managed or unused < self._patience(occupant):
                continue
            if not self._lifecycle.is_idle(occupant):
                continue
            how = occupant.target.sleep
            if how is not None and occupant.state is BackendState.READY and self._has_bed(occupant):
                self._lifecycle.put_to_sleep(occupant, how, "idle")
            else:
                self._lifecycle.stop(occupant, "idle")

    def _patience(self, occupant: Occupant) -> float:
        if occupant.state is BackendState.SLEEPING:
            return self._limits.asleep_unload
        own = occupant.target.idle_unload_seconds
        return self._limits.idle_unload if own is None else own

    def _has_bed(self, occupant: Occupant) -> bool:
        how, state = occupant.target.sleep, self._state
        if how is None:
            return False
        books = Books(state.residents(), state.inventory, state.policy)
        return books.has({HOST: how.host_bytes - bytes_on(occupant.shares, HOST)})
