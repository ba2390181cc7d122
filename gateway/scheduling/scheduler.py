"""The single-writer state machine of memory and leases. It decides with ``choice.choose`` and acts only through
``Effects``; it does no I/O, starts no task and never waits. Called from one event loop, so it needs no locks.

Events come in by the ``on_…`` methods; each leaves the machine in a state where nothing that could run is waiting.
"""

from backends.contract import BackendState, DeviceShare, Pressure
from backends.errors import BackendError, Cause
from gateway.scheduling.allowance import Allowance, allowance
from gateway.scheduling.choice import Choice
from gateway.scheduling.cooldown import Failure, after_crash, after_load_failure
from gateway.scheduling.device import Inventory
from gateway.scheduling.effects import Effects
from gateway.scheduling.fairness import Fairness
from gateway.scheduling.forecast import Forecast
from gateway.scheduling.idle import Idle
from gateway.scheduling.lifecycle import Lifecycle
from gateway.scheduling.limits import Limits
from gateway.scheduling.line import Line
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.policy import Policy
from gateway.scheduling.refusals import cooling, draining, full, not_loaded, waited_too_long
from gateway.scheduling.service import Service
from gateway.scheduling.state import State
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Priority, Ticket, TicketState


class Scheduler:
    """See the module. ``state`` is readable for views; only this class and its parts change it."""

    def __init__(self, effects: Effects, inventory: Inventory, policy: Policy, limits: Limits) -> None:
        self._effects = effects
        self._limits = limits
        self._draining = False
        self.state = State(effects, inventory, policy)
        self.occupants = self.state.occupants
        self.queue = self.state.queue
        self.journal = self.state.journal
        self.failures = self.state.failures
        self.forecast = Forecast(self.state)
        self._lifecycle = Lifecycle(effects, self.occupants, self.queue, self.journal)
        self._fairness = Fairness(limits.turns, self.occupants, self.queue)
        self._service = Service(self.state, effects, self._lifecycle, self._fairness)
        self._idle = Idle(limits, self.state, self._lifecycle)

    @property
    def inventory(self) -> Inventory:
        """The last readings."""
        return self.state.inventory

    # --- requests -------------------------------------------------------------------------------------------------

    def grant_now(self, target: Target) -> Occupant | None:
        """The fast path: a slot of a ready resident nobody waits for, without a ticket. Else ``None``."""
        occupant = self.occupants.get(target.variant_id)
        if occupant is None or not occupant.can_grant or self._draining or self.queue.count(target.variant_id):
            return None
        if not occupant.fits(target):
            return None
        now = self._effects.now()
        self.occupants.popularity(target.profile_id).asked(now, Priority.INTERACTIVE)
        self._service.take(occupant, now)
        return occupant

    def on_request(self, ticket: Ticket) -> None:
        """Grants, queues or refuses ``ticket``; a load is started when one is needed."""
        if self._draining:
            self._refuse(ticket, draining())
            return
        now = self._effects.now()
        self.occupants.popularity(ticket.target.profile_id).asked(now, ticket.priority)
        failure = self.cooling(ticket, now)
        if failure is not None:
            self._refuse(ticket, failure)
            return
        line = self.queue.line_of(ticket)
        if len(line.tickets) >= self._limits.queue_size and not self._served_at_once(ticket):
            self._refuse(ticket, full(ticket.target, self.forecast.wait(ticket.target)))
            return
        ticket.due = now + self._limits.turns.overdue * self.forecast.fair(ticket)
        self.queue.add(ticket, self.forecast.cost(ticket))
        self._service.advance()

    def cooling(self, ticket: Ticket, now: float) -> BackendError | None:
        """The refusal of a ticket none of whose variants is in memory or may be tried."""
        newest: tuple[Target, Failure] | None = None
        for target in ticket.choices:
            if not self.state.is_cooling(target, now):
                return None
            newest = newest or (target, self.failures[target.fails_as])
        return None if newest is None else cooling(*newest, now)

    def _served_at_once(self, ticket: Ticket) -> bool:
        occupant = self.occupants.get(ticket.target.variant_id)
        return occupant is not None and occupant.can_grant and not self.queue.count(ticket.target.variant_id)

    def on_cancel(self, ticket: Ticket) -> None:
        """The waiter is gone; a load that is under way goes on, one that has not begun never does."""
        if ticket.state is not TicketState.WAITING:
            return
        ticket.state = TicketState.CANCELLED
        self.queue.give_up(ticket, self._effects.now())
        self._service.advance()

    def on_released(self, occupant: Occupant, held: float) -> None:
        """A lease of ``occupant`` came back after ``held`` seconds; it may have left the machine meanwhile."""
        occupant.in_flight -= 1
        occupant.last_used = self._effects.now()
        if held > 0:  # else it was never used, which says nothing about how long use takes
            self.occupants.service(occupant.target.variant_id).add(held)
        if occupant.leave_when_idle is not None:
            self._leave_if_idle(occupant)
        if len(self.queue):
            self._service.advance()

    # --- what engines do ------------------------------------------------------------------------------------------

    def on_loaded(self, variant_id: str, measured: tuple[DeviceShare, ...] = ()) -> None:
        """It takes calls. ``measured`` replaces what was reserved, from now on."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.STARTING:
            return
        self._lifecycle.woken(occupant, measured)
        # Told to leave while loading: one round for those who waited for it, then it does.
        reason, occupant.leave_when_idle = occupant.leave_when_idle, None
        self._service.advance()
        if reason is not None:
            occupant.leave_when_idle = reason
            self._leave_if_idle(occupant)
            self._service.advance()

    def on_measured(self, variant_id: str, shares: tuple[DeviceShare, ...]) -> None:
        """It holds more than was reserved for it; from now on that much is."""
        occupant = self.occupants.get(variant_id)
        if occupant is not None and occupant.state is BackendState.READY and not occupant.awaiting:
            occupant.shares = shares

    def on_pressure(self, variant_id: str, said: Pressure | None) -> None:
        """What its engine says of its load: how many requests it is given follows. ``None``: it says nothing more."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.READY:
            return
        before, slots = occupant.slots, occupant.target.slots
        occupant.pressure = said
        occupant.allowance = (
            Allowance() if said is None else allowance(occupant.allowance, said, occupant.in_flight, slots)
        )
        if occupant.slots > before and len(self.queue):
            self._service.advance()

    def on_slept(self, variant_id: str) -> None:
        """It is in host RAM, and its devices are free."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.STOPPING:
            return
        self._lifecycle.slept(occupant)
        if occupant.leave_when_idle is not None:
            self._lifecycle.stop(occupant, occupant.leave_when_idle)
        self._service.advance()

    def on_load_failed(self, variant_id: str, error: BackendError) -> None:
        """Out of memory is tried once more with every idle resident gone; anything else cools down."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.STARTING or occupant.step is not None:
            return
        if error.cause is Cause.OUT_OF_MEMORY and self._lifecycle.retry_alone(occupant):
            return
        now = self._effects.now()
        who = occupant.target.fails_as
        failure = self.failures[who] = after_load_failure(self.failures.get(who), now, error.detail)
        self._lifecycle.move(occupant, BackendState.FAILED, error.cause.value)
        self.occupants.remove(variant_id)
        for ticket in self.queue.of(variant_id):
            if not self._alive_elsewhere(ticket):
                self._refuse(ticket, not_loaded(error, failure.until - now))
        self._service.advance()

    def _alive_elsewhere(self, ticket: Ticket) -> bool:
        """Another of its variants is in memory or on its way."""
        there = (self.occupants.get(target.variant_id) for target in ticket.choices)
        return any(o is not None and o.state in (BackendState.READY, BackendState.STARTING) for o in there)

    def on_exited(self, variant_id: str, reason: str) -> None:
        """A ready engine died by itself. Its leases end with their streams; ``on_stopped`` follows, and then whoever
        waits may load it again.

        One that dies while it is being stopped is none of this: ``on_stopped`` always follows a stop.
        """
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state not in (BackendState.READY, BackendState.SLEEPING):
            return
        now = self._effects.now()
        who = occupant.target.fails_as
        self.failures[who] = after_crash(self.failures.get(who), now, reason)
        self._lifecycle.bury(occupant, reason)
        for ticket in self.queue.of(variant_id):
            refusal = self.cooling(ticket, now)
            if refusal is not None:
                self._refuse(ticket, refusal)
        self._service.advance()

    def on_stopped(self, variant_id: str) -> None:
        """Its memory is back; loads that waited for it begin."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.STOPPING:
            return
        self._lifecycle.move(occupant, BackendState.STOPPED, "memory returned")
        self.occupants.remove(variant_id)
        self._lifecycle.gone(variant_id)
        self._service.advance()

    # --- the operator and the clock -------------------------------------------------------------------------------

    def on_unload(self, variant_id: str, reason: str = "unloaded by the operator") -> bool:
        """Drain, then stop. False when it is not in memory."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or (occupant.state is BackendState.STOPPING and not occupant.falls_asleep):
            return False
        occupant.pinned = False
        occupant.leave_when_idle = reason
        self._leave_if_idle(occupant)
        self._service.advance()
        return True

    def on_pin(self, variant_id: str, *, pinned: bool) -> None:
        """A pinned resident is neither evicted nor unloaded for being idle; an unload not yet begun is called off."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is BackendState.STOPPING:
            return
        occupant.pinned = pinned
        if pinned:
            occupant.leave_when_idle = None
        self._service.advance()

    def on_inventory(self, inventory: Inventory) -> None:
        """Fresh readings; what could not fit before may fit now."""
        self.state.inventory = inventory
        self._service.advance()

    def on_tick(self) -> None:
        """Once a second or so: idle unloading, deadlines, and turns that have come by waiting."""
        now = self._effects.now()
        self._idle.tick(now)
        for ticket in self.queue:
            if now >= ticket.deadline:
                self._refuse(ticket, waited_too_long(ticket, now, self.forecast.wait(ticket.target)))
        self._service.advance()

    def on_drain(self) -> None:
        """No more grants; everything that waits is refused. Running leases are left alone."""
        self._draining = True
        for ticket in self.queue:
            self._refuse(ticket, draining())

    @property
    def in_flight(self) -> int:
        return sum(o.in_flight for o in self.occupants)

    def next_step(self, line: Line) -> Choice:
        """What would happen for the head of ``line`` now. Nothing happens."""
        return self._service.choose(line, self._effects.now())

    # --- inside ---------------------------------------------------------------------------------------------------

    def _leave_if_idle(self, occupant: Occupant) -> None:
        # The state is asked too: a lease may outlive its engine, and a successor of the same name is another matter.
        there = occupant.state in (BackendState.READY, BackendState.SLEEPING)
        if there and occupant.in_flight == 0 and occupant.leave_when_idle is not None:
            self._lifecycle.stop(occupant, occupant.leave_when_idle)

    def _refuse(self, ticket: Ticket, error: BackendError) -> None:
        self._service.refuse(ticket, error)
