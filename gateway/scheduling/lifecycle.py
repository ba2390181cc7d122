"""How residents come and go: the steps between states, each recorded, each asked of ``Effects`` once.

Part of the scheduler's single writer; it never decides who gets memory, it carries a decision out.
"""

from backends.contract import BackendState
from gateway.scheduling.effects import Effects, Transition
from gateway.scheduling.occupants import Occupant, Occupants
from gateway.scheduling.placement import Placement, Target, is_evictable
from gateway.scheduling.queue import TicketQueue


class Lifecycle:
    """Acts on the scheduler's own occupants and queue."""

    def __init__(self, effects: Effects, occupants: Occupants, queue: TicketQueue) -> None:
        self._effects = effects
        self._occupants = occupants
        self._queue = queue

    def begin(self, target: Target, placement: Placement) -> None:
        """Reserves memory, asks the victims to leave, and starts as soon as they are gone."""
        occupant = Occupant(
            target=target,
            placement=placement,
            state=BackendState.STARTING,
            since=self._effects.now(),
            shares=placement.shares,
            pinned=target.pin,
            awaiting={*placement.evict, *placement.after},
        )
        self._occupants.add(occupant)
        for victim_id in placement.evict:
            victim = self._occupants.get(victim_id)
            if victim is not None:
                self.stop(victim, f"makes room for {target.variant_id}")
        self.start_if_clear(occupant)

    def start_if_clear(self, occupant: Occupant) -> None:
        """A load nobody waits for any more is never started."""
        if occupant.awaiting or occupant.state is not BackendState.STARTING:
            return
        if not self._queue.count(occupant.target.variant_id):
            # Nothing to record: as far as anybody was told, it is still stopped.
            self._occupants.remove(occupant.target.variant_id)
            return
        occupant.since = self._effects.now()
        self._record(occupant, BackendState.STOPPED, BackendState.STARTING, "requested")
        self._effects.start(occupant.target, occupant.placement)

    def retry_alone(self, occupant: Occupant) -> bool:
        """After out of memory, once: every idle resident leaves, then the load begins again.

        False when nobody can leave, or nobody waits for it any more.
        """
        name = occupant.target.variant_id
        if occupant.oom_retried or not self._queue.count(name):
            return False
        others = [o for o in self._occupants if o is not occupant and o.target.managed]
        victims = [o for o in others if self.is_idle(o)]
        occupant.awaiting = {o.target.variant_id for o in others if o in victims or o.state is BackendState.STOPPING}
        if not occupant.awaiting:
            return False
        occupant.oom_retried = True
        self._record(occupant, BackendState.STARTING, BackendState.STOPPED, "out of memory, tried again alone")
        for victim in victims:
            self.stop(victim, f"{name} ran out of memory")
        return True

    def stop(self, occupant: Occupant, reason: str) -> None:
        """Leaves memory; ``on_stopped`` follows when the bytes are back."""
        self.move(occupant, BackendState.STOPPING, reason)
        self._effects.stop(occupant.target.variant_id, reason)

    def bury(self, occupant: Occupant, reason: str) -> None:
        """It ended by itself, but its bytes are free only once all its processes are gone: ``on_stopped`` says when.

        What it leaves is another occupant, so that leases of the dead engine hold nobody up.
        """
        self.move(occupant, BackendState.FAILED, reason)
        remains = Occupant(
            target=occupant.target,
            placement=occupant.placement,
            state=BackendState.FAILED,
            since=occupant.since,
            shares=occupant.shares,
        )
        self._occupants.add(remains)
        self.stop(remains, reason)

    def move(self, occupant: Occupant, state: BackendState, reason: str) -> None:
        """Changes the state and records it."""
        before, occupant.state = occupant.state, state
        occupant.since = self._effects.now()
        self._record(occupant, before, state, reason)

    def is_idle(self, occupant: Occupant) -> bool:
        """Nothing runs on it and nobody waits for it; pinned ones are never idle."""
        return is_evictable(occupant.snapshot(self._queue.count(occupant.target.variant_id)))

    def _record(self, occupant: Occupant, before: BackendState, after: BackendState, reason: str) -> None:
        target = occupant.target
        self._effects.record(
            Transition(
                variant_id=target.variant_id, profile_id=target.profile_id, before=before, after=after, reason=reason
            )
        )
