"""The single-writer state machine of memory and leases. It decides with ``placement.decide`` and acts only through
``Effects``; it does no I/O, starts no task and never waits. Called from one event loop, so it needs no locks.

Events come in by the ``on_…`` methods; each leaves the machine in a state where nothing that could run is waiting.
"""

from msgspec import Struct

from backends.contract import BackendState, DeviceShare
from backends.errors import BackendError, Cause
from gateway.scheduling.cooldown import Failure, after_crash, after_load_failure
from gateway.scheduling.device import Inventory
from gateway.scheduling.effects import Effects
from gateway.scheduling.estimate import predicted_wait
from gateway.scheduling.fairness import Fairness
from gateway.scheduling.lifecycle import Lifecycle
from gateway.scheduling.occupants import Occupant, Occupants
from gateway.scheduling.placement import Decision, Join, Load, Policy, Refuse, Serve, Target, Wait, decide
from gateway.scheduling.queue import TicketQueue
from gateway.scheduling.refusals import cooling, draining, full, no_room, not_loaded, waited_too_long
from gateway.scheduling.ticket import Ticket, TicketState


class Limits(Struct, frozen=True, kw_only=True):
    """``queue_size`` tickets a variant; ``max_bypass`` younger grants may pass a waiting head; idle time in seconds."""

    queue_size: int = 64
    max_bypass: int = 16
    idle_unload: float = 900.0


class Scheduler:
    """See the module. ``occupants`` and ``queue`` are readable for views; only this class changes them."""

    def __init__(self, effects: Effects, inventory: Inventory, policy: Policy, limits: Limits) -> None:
        self._effects = effects
        self._policy = policy
        self._limits = limits
        self.inventory = inventory
        self.occupants = Occupants()
        self.queue = TicketQueue()
        self.failures: dict[str, Failure] = {}
        self._lifecycle = Lifecycle(effects, self.occupants, self.queue)
        self._fairness = Fairness(limits.max_bypass, self.occupants)
        self._draining = False

    # --- requests -------------------------------------------------------------------------------------------------

    def grant_now(self, target: Target) -> Occupant | None:
        """The fast path: a slot of a ready resident nobody waits for, without a ticket. Else ``None``."""
        occupant = self.occupants.get(target.variant_id)
        if occupant is None or not occupant.can_grant or self._draining or self.queue.count(target.variant_id):
            return None
        self._take(occupant)
        return occupant

    def on_request(self, ticket: Ticket) -> None:
        """Grants, queues or refuses ``ticket``; a load is started when one is needed."""
        target = ticket.target
        if self._draining:
            self._refuse(ticket, draining())
            return
        failure = self.failures.get(target.variant_id)
        now = self._effects.now()
        occupant = self.occupants.get(target.variant_id)
        absent = occupant is None or occupant.state is BackendState.STOPPING
        if absent and failure is not None and now < failure.until:
            self._refuse(ticket, cooling(target, failure, now))
            return
        direct = occupant is not None and occupant.can_grant and not self.queue.count(target.variant_id)
        if not direct and self.queue.count(target.variant_id) >= self._limits.queue_size:
            self._refuse(ticket, full(target, self.predicted_wait(target)))
            return
        self.queue.add(ticket)
        self._advance()

    def on_cancel(self, ticket: Ticket) -> None:
        """The waiter is gone; a load that is under way goes on, one that has not begun never does."""
        if ticket.state is not TicketState.WAITING:
            return
        ticket.state = TicketState.CANCELLED
        self.queue.give_up(ticket)
        self._advance()

    def on_released(self, occupant: Occupant, held: float) -> None:
        """A lease of ``occupant`` came back after ``held`` seconds; it may have left the machine meanwhile."""
        occupant.in_flight -= 1
        occupant.last_used = self._effects.now()
        if held > 0:  # else it was never used, which says nothing about how long use takes
            self.occupants.service(occupant.target.variant_id).add(held)
        if occupant.leave_when_idle is not None:
            self._leave_if_idle(occupant)
        if len(self.queue):
            self._advance()

    # --- what engines do ------------------------------------------------------------------------------------------

    def on_loaded(self, variant_id: str, measured: tuple[DeviceShare, ...] = ()) -> None:
        """It takes calls. ``measured`` replaces what was reserved, from now on."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.STARTING:
            return
        if measured:
            occupant.shares = measured
        occupant.last_used = self._effects.now()
        self._lifecycle.move(occupant, BackendState.READY, "loaded")
        # Told to leave while loading: one round for those who waited for it, then it does.
        reason, occupant.leave_when_idle = occupant.leave_when_idle, None
        self._advance()
        if reason is not None:
            occupant.leave_when_idle = reason
            self._leave_if_idle(occupant)
            self._advance()

    def on_load_failed(self, variant_id: str, error: BackendError) -> None:
        """Out of memory is tried once more with every idle resident gone; anything else cools down."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.STARTING or occupant.awaiting:
            return
        if error.cause is Cause.OUT_OF_MEMORY and self._lifecycle.retry_alone(occupant):
            return
        now = self._effects.now()
        failure = after_load_failure(self.failures.get(variant_id), now, error.detail)
        self.failures[variant_id] = failure
        self._lifecycle.move(occupant, BackendState.FAILED, error.cause.value)
        self.occupants.remove(variant_id)
        for ticket in self.queue.of(variant_id):
            self._refuse(ticket, not_loaded(error, failure.until - now))
        self._advance()

    def on_exited(self, variant_id: str, reason: str) -> None:
        """A ready engine died by itself. Its leases end with their streams; ``on_stopped`` follows, and then whoever
        waits may load it again.

        One that dies while it is being stopped is none of this: ``on_stopped`` always follows a stop.
        """
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.READY:
            return
        failure = after_crash(self.failures.get(variant_id), self._effects.now(), reason)
        self.failures[variant_id] = failure
        self._lifecycle.bury(occupant, reason)
        if failure.until > self._effects.now():
            for ticket in self.queue.of(variant_id):
                self._refuse(ticket, cooling(ticket.target, failure, self._effects.now()))
        self._advance()

    def on_stopped(self, variant_id: str) -> None:
        """Its memory is back; loads that waited for it begin."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.STOPPING:
            return
        self._lifecycle.move(occupant, BackendState.STOPPED, "memory returned")
        self.occupants.remove(variant_id)
        for waiting in self.occupants:
            if variant_id in waiting.awaiting:
                waiting.awaiting.discard(variant_id)
                self._lifecycle.start_if_clear(waiting)
        self._advance()

    # --- the operator and the clock -------------------------------------------------------------------------------

    def on_unload(self, variant_id: str, reason: str = "unloaded by the operator") -> bool:
        """Drain, then stop. False when it is not in memory."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is BackendState.STOPPING:
            return False
        occupant.pinned = False
        occupant.leave_when_idle = reason
        self._leave_if_idle(occupant)
        self._advance()
        return True

    def on_pin(self, variant_id: str, *, pinned: bool) -> None:
        """A pinned resident is neither evicted nor unloaded for being idle; an unload not yet begun is called off."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is BackendState.STOPPING:
            return
        occupant.pinned = pinned
        if pinned:
            occupant.leave_when_idle = None
        self._advance()

    def on_inventory(self, inventory: Inventory) -> None:
        """Fresh readings; what could not fit before may fit now."""
        self.inventory = inventory
        self._advance()

    def on_tick(self) -> None:
        """Once a second or so: idle unloading and deadlines."""
        now = self._effects.now()
        for occupant in self.occupants:
            own = occupant.target.idle_unload_seconds
            idle = self._limits.idle_unload if own is None else own
            if occupant.target.managed and now - occupant.last_used >= idle and self._lifecycle.is_idle(occupant):
                self._lifecycle.stop(occupant, "idle")
        for ticket in self.queue:
            if now >= ticket.deadline:
                self.queue.give_up(ticket)
                self._refuse(ticket, waited_too_long(ticket, now, self.predicted_wait(ticket.target)))
        self._advance()

    def on_drain(self) -> None:
        """No more grants; everything that waits is refused. Running leases are left alone."""
        self._draining = True
        for ticket in self.queue:
            self._refuse(ticket, draining())

    @property
    def in_flight(self) -> int:
        return sum(o.in_flight for o in self.occupants)

    def predicted_wait(self, target: Target) -> float:
        """Seconds a new request for ``target`` would wait: its load, and the rounds in front of it."""
        occupant = self.occupants.get(target.variant_id)
        now = self._effects.now()
        if occupant is None or occupant.state is BackendState.STOPPING or occupant.leave_when_idle is not None:
            remaining = target.load_seconds
        elif occupant.state is BackendState.STARTING:
            remaining = max(0.0, target.load_seconds - (now - occupant.since))
        else:
            remaining = 0.0
        return predicted_wait(
            ahead=self.queue.count(target.variant_id),
            in_flight=0 if occupant is None else occupant.in_flight,
            slots=target.slots,
            mean=self.occupants.service(target.variant_id).mean,
            load_remaining=remaining,
        )

    # --- inside ---------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Serves the queue until nothing moves."""
        while self._pass():
            pass

    def _pass(self) -> bool:
        """Goes through the queue in order; a variant that has to wait does not stop others from running.

        True when a later step changed what an earlier ticket was told: a grant found nobody, so somebody is idle after
        all; or a pinned load took memory for good.
        """
        settled: set[str] = set()
        again = False
        self._fairness.begin_pass()
        for ticket in self.queue:
            variant_id = ticket.target.variant_id
            if variant_id in settled:
                continue
            match self._decide(ticket):
                case Serve():
                    again = not self._grant(ticket) or again
                    continue
                case Join():
                    pass
                case Load(placement):
                    if not self._fairness.forbids(placement):
                        self._lifecycle.begin(ticket.target, placement)
                        again = again or ticket.target.pin
                case Wait(behind):
                    self._fairness.note_wait(ticket, behind)
                case Refuse(cause, detail):
                    for same in self.queue.of(variant_id):
                        self._refuse(same, no_room(cause, detail))
            settled.add(variant_id)
        return again

    def _decide(self, ticket: Ticket) -> Decision:
        residents = self.occupants.snapshots(self.queue, impatient=self._fairness.is_impatient(ticket))
        return decide(ticket.target, residents, self.inventory, self._policy, self._effects.now())

    def _take(self, occupant: Occupant) -> None:
        occupant.in_flight += 1
        occupant.served += 1
        occupant.last_used = self._effects.now()
        self._fairness.note_grant(occupant)

    def _grant(self, ticket: Ticket) -> bool:
        occupant = self.occupants.get(ticket.target.variant_id)
        assert occupant is not None, "Serve is decided for residents only"
        taken = self._effects.grant(ticket)
        ticket.state = TicketState.GRANTED if taken else TicketState.CANCELLED
        if taken:
            self.queue.remove(ticket)
            self._take(occupant)
        else:
            self.queue.give_up(ticket)
        return taken

    def _leave_if_idle(self, occupant: Occupant) -> None:
        # The state is asked too: a lease may outlive its engine, and a successor of the same name is another matter.
        ready = occupant.state is BackendState.READY
        if ready and occupant.in_flight == 0 and occupant.leave_when_idle is not None:
            self._lifecycle.stop(occupant, occupant.leave_when_idle)

    def _refuse(self, ticket: Ticket, error: BackendError) -> None:
        self.queue.remove(ticket)
        ticket.state = TicketState.REFUSED
        self._effects.refuse(ticket, error)
