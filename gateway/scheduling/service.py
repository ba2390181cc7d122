"""One pass over the queue after another until nothing moves: who is granted, what is loaded, who waits.

Part of the scheduler's single writer. Whose turn it is comes from ``Fairness``, what memory allows from ``choose``.
"""

from heapq import heapify, heappop, heappush

from backends.errors import BackendError
from gateway.scheduling.choice import Choice, choose
from gateway.scheduling.decision import Join, Load, Placement, Refuse, Restart, Serve, Wait
from gateway.scheduling.effects import Effects
from gateway.scheduling.fairness import Fairness
from gateway.scheduling.journal import Entry, Kind
from gateway.scheduling.lifecycle import Lifecycle
from gateway.scheduling.line import Line
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.refusals import no_room
from gateway.scheduling.resident import Resident
from gateway.scheduling.state import State
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Ticket, TicketState


class Service:
    """Works on the scheduler's own state."""

    def __init__(self, state: State, effects: Effects, lifecycle: Lifecycle, fairness: Fairness) -> None:
        self._state = state
        self._effects = effects
        self._lifecycle = lifecycle
        self._fairness = fairness
        self._pinned: set[str] = set()
        """Restarted ones that were pinned and will be again."""

    def advance(self) -> None:
        """Serves the queue until nothing moves."""
        while self._pass():
            pass

    def take(self, occupant: Occupant, now: float) -> None:
        """A slot of ``occupant`` is used from now on."""
        occupant.in_flight += 1
        occupant.served += 1
        occupant.last_used = occupant.begun = now

    def refuse(self, ticket: Ticket, error: BackendError) -> None:
        """The ticket ends with an error."""
        now = self._effects.now()
        self._state.queue.give_up(ticket, now)
        ticket.state = TicketState.REFUSED
        self._note(ticket, ticket.target, "refuse", error.detail)
        self._effects.refuse(ticket, error)

    def _pass(self) -> bool:
        """Goes through the heads of all lines in order; one that has to wait does not stop others from running.

        True when a later step changed what an earlier line was told: a grant found nobody or a line was refused, so
        that somebody is at rest after all; or a pinned load took memory for good.
        """
        now = self._effects.now()
        self._fairness.begin_pass()
        turns = [(self._fairness.order(line, now), line) for line in self._state.queue.lines()]
        heap = [(*order, line) for order, line in turns]
        heapify(heap)
        again = False
        while heap:
            *_, line = heappop(heap)
            ticket = line.head
            choice = self.choose(line, now)
            match choice.decision:
                case Serve():
                    # Nobody waits any more for the others that would have done: who was told so may move them now.
                    again = not self._grant(ticket, choice.target) or len(ticket.choices) > 1 or again
                    if line.tickets:
                        heappush(heap, (*self._fairness.order(line, now), line))
                case Join():
                    self._tell(ticket, choice.target, "in memory or being loaded; waits for a slot")
                case Load(placement):
                    self._load(ticket, choice.target, placement)
                    again = again or choice.target.pin or placement.step == "grow"
                case Restart(why):
                    self._restart(ticket, choice.target, why)
                case Wait() as wait:
                    self._fairness.note_wait(line, wait, now)
                    self._tell(ticket, choice.target, wait.why)
                case Refuse(cause, detail):
                    for same in tuple(line.tickets):
                        self.refuse(same, no_room(cause, detail))
                    again = True
        return again

    def choose(self, line: Line, now: float) -> Choice:
        """What would happen for the head of ``line`` now; what failed lately is left out."""
        state = self._state
        able = [target for target in line.choices if not state.is_cooling(target, now)]
        return choose(able or line.choices, self._seen_by(line, now), state.inventory, state.policy, now)

    def _seen_by(self, line: Line, now: float) -> list[Resident]:
        occupants = self._state.occupants
        seen = [
            occupants.snapshot(o, now, owed=not self._fairness.may_move(line, o, now)) for o in occupants
        ]  # fmt: skip
        return [*seen, *self._fairness.reserved]

    def _load(self, ticket: Ticket, target: Target, placement: Placement) -> None:
        self._note(ticket, target, placement.step, placement.why, placement.leavers)
        self._lifecycle.begin(target, placement)
        begun = self._state.occupants.get(target.variant_id)
        if begun is not None and target.variant_id in self._pinned:
            self._pinned.discard(target.variant_id)
            begun.pinned = True

    def _restart(self, ticket: Ticket, target: Target, why: str) -> None:
        sleeper = self._state.occupants.get(target.variant_id)
        assert sleeper is not None, "Restart is decided for residents only"
        self._note(ticket, target, "restart", why)
        if sleeper.pinned:
            sleeper.pinned = False
            self._pinned.add(target.variant_id)
        self._lifecycle.stop(sleeper, why)

    def _grant(self, ticket: Ticket, target: Target) -> bool:
        occupant = self._state.occupants.get(target.variant_id)
        assert occupant is not None, "Serve is decided for residents only"
        now = self._effects.now()
        taken = self._effects.grant(ticket, target.variant_id)
        ticket.state = TicketState.GRANTED if taken else TicketState.CANCELLED
        if taken:
            self._note(ticket, target, "serve", occupant.placement.why)
            self._state.queue.granted(ticket)
            self.take(occupant, now)
        else:
            self._state.queue.give_up(ticket, now)
        return taken

    def _tell(self, ticket: Ticket, target: Target, why: str) -> None:
        if why != ticket.told:
            ticket.told = why
            self._note(ticket, target, "wait", why)

    def _note(self, ticket: Ticket, target: Target, kind: Kind, why: str, leavers: tuple[str, ...] = ()) -> None:
        now = self._effects.now()
        self._state.journal.note(
            Entry(
                at=now, kind=kind, model=target.profile_id, variant_id=target.variant_id, why=why,
                request=ticket.request, waited=now - ticket.enqueued, leavers=leavers,
            )
        )  # fmt: skip
