"""Baseline ``fifo-swap``: one model at a time on the whole machine, requests in order of arrival.

What llama-swap does by default: the loaded model serves as many at once as it has slots; the first request for another
one waits until all that runs has ended, everything behind it waits too, then the models are swapped.
"""

from collections import deque

from backends.errors import BackendError, Cause
from gateway.scheduling.books import Books
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import Inventory
from gateway.scheduling.effects import Effects
from gateway.scheduling.policy import Policy
from gateway.scheduling.refusals import no_room, waited_too_long
from gateway.scheduling.simulate.subject import GiveBack
from gateway.scheduling.spots import spots
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Ticket


class FifoSwap:
    """Implements ``Subject``. Each model by its preferred variant that fits the empty machine."""

    def __init__(self, effects: Effects, inventory: Inventory) -> None:
        self._effects = effects
        self._inventory = inventory
        self._books = Books((), inventory, Policy())
        self._queue: deque[Ticket] = deque()
        self._loaded: Target | None = None
        self._ready = False
        self._running = 0

    def on_request(self, ticket: Ticket) -> None:
        self._queue.append(ticket)
        self._advance()

    def on_loaded(self, variant_id: str) -> None:
        self._ready = True
        self._advance()

    def on_slept(self, variant_id: str) -> None:
        raise AssertionError("nobody is put to sleep")

    def on_stopped(self, variant_id: str) -> None:
        target = self._loaded
        assert target is not None, "something else is loaded after it"
        spot = spots(target, self._inventory, self._books)[0]
        placement = Placement(variant_id=target.variant_id, shares=spot.shares, evict=(variant_id,))
        self._effects.start(target, placement)

    def on_tick(self) -> None:
        now = self._effects.now()
        for ticket in tuple(self._queue):
            if now >= ticket.deadline:
                self._queue.remove(ticket)
                self._effects.refuse(ticket, waited_too_long(ticket, now, 0.0))
        self._advance()

    def lease(self, variant_id: str) -> GiveBack:
        return self._released

    def _released(self, held: float) -> None:
        self._running -= 1
        self._advance()

    def _advance(self) -> None:
        while self._queue:
            ticket = self._queue[0]
            target = fitting(ticket, self._inventory, self._books)
            if target is None:
                self._queue.popleft()
                self._effects.refuse(ticket, no_room_at_all(ticket))
                continue
            if self._loaded is not None and target.variant_id == self._loaded.variant_id:
                if not self._ready or self._running >= target.slots:
                    return
                self._queue.popleft()
                self._running += 1
                self._effects.grant(ticket, target.variant_id)
            elif self._running or (self._loaded is not None and not self._ready):
                return
            else:
                self._swap(target)
                return

    def _swap(self, target: Target) -> None:
        before, self._loaded, self._ready = self._loaded, target, False
        if before is not None:
            self._effects.stop(before.variant_id, f"makes room for {target.variant_id}")
            return
        spot = spots(target, self._inventory, self._books)[0]
        self._effects.start(target, Placement(variant_id=target.variant_id, shares=spot.shares))


def fitting(ticket: Ticket, inventory: Inventory, empty: Books) -> Target | None:
    """The preferred variant that the empty machine could hold."""
    return next((target for target in ticket.choices if spots(target, inventory, empty)), None)


def no_room_at_all(ticket: Ticket) -> BackendError:
    """It fits nowhere."""
    return no_room(Cause.CANNOT_FIT, f"{ticket.target.variant_id} fits nowhere")
