"""How long a request will wait, and what it would have to wait in fairness. Reads the scheduler's state, changes none.

Seconds. Means of what was seen; a model that never ran counts with a guess.
"""

from backends.contract import BackendState
from gateway.scheduling.choice import choose
from gateway.scheduling.decision import Load, Wait
from gateway.scheduling.estimate import predicted_wait
from gateway.scheduling.start_ends import cards_free, needed_by, starts_end
from gateway.scheduling.state import State
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Ticket


class Forecast:
    """For ``Retry-After``, ``/api/queue`` and the turns of lines."""

    def __init__(self, state: State) -> None:
        self._state = state

    def wait(self, target: Target) -> float:
        """Seconds a new request for ``target`` would wait: for memory, its load, and the rounds in front of it."""
        return self._wait(target, self._state.queue.count(target.variant_id))

    def left(self, ticket: Ticket) -> float:
        """Seconds from now until one that waits already is served, by expectation."""
        return self._wait(ticket.target, self._state.queue.line_of(ticket).tickets.index(ticket))

    def _wait(self, target: Target, ahead: int) -> float:
        """All replicas that take requests count as one, with as many slots as their engines are given now."""
        occupants = self._state.occupants
        taking = [o for o in occupants.ready(target.variant_id) if o.leave_when_idle is None]
        own = occupants.get(target.variant_id)
        working = taking or ([own] if own is not None else [])
        return predicted_wait(
            ahead=ahead,
            in_flight=sum(o.in_flight for o in working),
            slots=sum(o.slots for o in taking) or target.slots,
            mean=occupants.service(target.variant_id).mean,
            load_remaining=0.0 if taking else self._load_remaining(target),
        )

    def _load_remaining(self, target: Target) -> float:
        state = self._state
        occupant = state.occupants.get(target.variant_id)
        now = state.now()
        if occupant is None or occupant.state is BackendState.SLEEPING:
            return self._until_loaded(target)
        if occupant.state is BackendState.STOPPING or occupant.leave_when_idle is not None:
            return target.load_seconds
        if occupant.state is not BackendState.STARTING:
            return 0.0
        if occupant.step is not None:  # it waits for others to leave, and for nobody's turn yet
            return max(0.0, needed_by(occupant) - (now - occupant.since))
        return starts_end(state.occupants, now)[target.variant_id] - now

    def _until_loaded(self, target: Target) -> float:
        state = self._state
        now = state.now()
        decision = choose((target,), state.residents(), state.inventory, state.policy, now).decision
        load = target.load_seconds
        occupant = state.occupants.get(target.variant_id)
        if isinstance(decision, Load) and decision.placement.step == "wake" and occupant and target.sleep is not None:
            load = target.sleep.bed(occupant.depth).wake_seconds
        turn = 0.0
        if isinstance(decision, Load):
            turn = max(cards_free(state.occupants, decision.placement.shares, now) - now, 0.0)
        return turn + load + (decision.seconds if isinstance(decision, Wait) else 0.0)

    def cost(self, ticket: Ticket) -> float:
        """Device seconds the request will take: as it says, or as others took, shared by those served at once."""
        if ticket.cost is not None:
            return ticket.cost
        return self._state.occupants.service(ticket.target.variant_id).mean / max(1, ticket.target.slots)

    def fair(self, ticket: Ticket) -> float:
        """What it would wait if nobody who comes later were served before it: the work and the loads ahead of it.

        Never less than its own load and service, which nobody can call unfair.
        """
        state = self._state
        now = state.now()
        own = self._load_of(ticket.target) + state.occupants.service(ticket.target.variant_id).mean
        ahead = sum(state.occupants.busy(occupant, now) for occupant in state.occupants)
        for line in state.queue.lines():
            target = line.head.target
            work = len(line.tickets) * state.occupants.service(target.variant_id).mean / max(1, target.slots)
            ahead += work + (self._load_of(target) if target.variant_id != ticket.target.variant_id else 0.0)
        return own + ahead / max(1, len(state.inventory.gpus))

    def _load_of(self, target: Target) -> float:
        occupant = self._state.occupants.get(target.variant_id)
        ready = occupant is not None and occupant.state is BackendState.READY
        return 0.0 if ready else target.load_seconds
