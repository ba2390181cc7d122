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
from gateway.scheduling.lifecycle import Lifecycle
from gateway.scheduling.occupants import Occupant, Occupants
from gateway.scheduling.placement import (
    Join,
    Load,
    Policy,
    Refuse,
    Serve,
    Target,
    Wait,
    decide,
)
from gateway.scheduling.queue import TicketQueue
from gateway.scheduling.refusals import cooling, draining, full, waited_too_long
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
        self._draining = False
        self._in_the_way: dict[str, list[Ticket]] = {}

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
        if failure is not None and now < failure.until and self.occupants.get(target.variant_id) is None:
            self._refuse(ticket, cooling(target, failure, now))
            return
        occupant = self.occupants.get(target.variant_id)
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
        self.queue.remove(ticket)
        self._advance()

    def on_released(self, occupant: Occupant, held: float) -> None:
        """A lease of ``occupant`` came back after ``held`` seconds; it may have left the machine meanwhile."""
        occupant.in_flight -= 1
        occupant.last_used = self._effects.now()
        self.occupants.service(occupant.target.variant_id).add(held)
        if occupant.in_flight == 0 and occupant.leave_when_idle is not None:
            self._lifecycle.stop(occupant, occupant.leave_when_idle)
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
        reason, occupant.leave_when_idle = occupant.leave_when_idle, None
        if reason is not None and not self.queue.count(variant_id):
            self._lifecycle.stop(occupant, reason)
        self._advance()

    def on_load_failed(self, variant_id: str, error: BackendError) -> None:
        """Out of memory is tried once more with every idle resident gone; anything else cools down."""
        occupant = self.occupants.get(variant_id)
        if occupant is None:
            return
        if error.cause is Cause.OUT_OF_MEMORY and self._lifecycle.retry_alone(occupant):
            return
        now = self._effects.now()
        failure = after_load_failure(self.failures.get(variant_id), now, error.detail)
        self.failures[variant_id] = failure
        self._lifecycle.move(occupant, BackendState.FAILED, error.cause.value)
        self.occupants.remove(variant_id)
        error.retry_after = failure.until - now
        for ticket in self.queue.of(variant_id):
            self._refuse(ticket, error)
        self._advance()

    def on_exited(self, variant_id: str, reason: str) -> None:
        """A ready engine died by itself. Its leases end with their streams; the next request may load it again."""
        occupant = self.occupants.get(variant_id)
        if occupant is None or occupant.state is not BackendState.READY:
            return
        failure = after_crash(self.failures.get(variant_id), self._effects.now(), reason)
        self.failures[variant_id] = failure
        self._lifecycle.move(occupant, BackendState.FAILED, reason)
        self.occupants.remove(variant_id)
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
        if occupant.state is BackendState.READY and occupant.in_flight == 0:
            self._lifecycle.stop(occupant, reason)
        return True

    def on_pin(self, variant_id: str, *, pinned: bool) -> None:
        """A pinned resident is neither evicted nor unloaded for being idle."""
        occupant = self.occupants.get(variant_id)
        if occupant is not None:
            occupant.pinned = pinned

    def on_inventory(self, inventory: Inventory) -> None:
        """Fresh readings; what could not fit before may fit now."""
        self.inventory = inventory
        self._advance()

    def on_tick(self) -> None:
        """Once a second or so: idle unloading and deadlines."""
        now = self._effects.now()
        for occupant in self.occupants:
            idle = occupant.target.idle_unload_seconds or self._limits.idle_unload
            unused = occupant.target.managed and now - occupant.last_used >= idle
            if unused and self._lifecycle.is_idle(occupant) and not self.queue.count(occupant.target.variant_id):
                self._lifecycle.stop(occupant, "idle")
        for ticket in self.queue:
            if now >= ticket.deadline:
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
        if occupant is None:
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
        """Serves the queue in order; a variant that has to wait does not stop others from running."""
        settled: set[str] = set()
        self._in_the_way = {}
        for occupant in self.occupants:
            occupant.yielding = False  # found anew below: the ticket it made way for may be gone
        for ticket in self.queue:
            variant_id = ticket.target.variant_id
            if variant_id in settled:
                continue
            now = self._effects.now()
            decision = decide(ticket.target, self.occupants.snapshots(self.queue), self.inventory, self._policy, now)
            match decision:
                case Serve():
                    self._grant(ticket)
                    continue
                case Join():
                    pass
                case Load(placement):
                    self._lifecycle.begin(ticket.target, placement)
                case Wait(behind):
                    self._note_wait(ticket, behind)
                case Refuse(cause, detail):
                    for same in self.queue.of(variant_id):
                        self._refuse(same, BackendError(cause, detail, retry_after=30.0))
            settled.add(variant_id)

    def _note_wait(self, ticket: Ticket, behind: tuple[str, ...]) -> None:
        for variant_id in behind:
            self._in_the_way.setdefault(variant_id, []).append(ticket)
            occupant = self.occupants.get(variant_id)
            if occupant is not None and ticket.bypassed >= self._limits.max_bypass:
                # Bounded bypass: from here on it only finishes what it has, then it can be evicted.
                occupant.yielding = True

    def _take(self, occupant: Occupant) -> None:
        occupant.in_flight += 1
        occupant.served += 1
        occupant.last_used = self._effects.now()
        for waiting in self._in_the_way.get(occupant.target.variant_id, ()):
            waiting.bypassed += 1
            if waiting.bypassed >= self._limits.max_bypass:
                occupant.yielding = True

    def _grant(self, ticket: Ticket) -> None:
        occupant = self.occupants.get(ticket.target.variant_id)
        assert occupant is not None, "Serve is decided for residents only"
        self.queue.remove(ticket)
        if self._effects.grant(ticket):
            ticket.state = TicketState.GRANTED
            self._take(occupant)
        else:
            ticket.state = TicketState.CANCELLED

    def _refuse(self, ticket: Ticket, error: BackendError) -> None:
        self.queue.remove(ticket)
        ticket.state = TicketState.REFUSED
        self._effects.refuse(ticket, error)
