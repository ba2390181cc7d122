"""Baseline ``lru-fit``: load beside where it fits, else unload the least recently used that is at rest.

What Ollama does: pending requests are taken in order of arrival by one loop. A request for a model that is in memory or
being loaded joins it, and waits there for a slot while the loop goes on. One for another model is loaded where its
bytes are free, on one card before several; else the least recently used resident at rest is unloaded, and so on until
it fits; while all are busy the loop waits for the first to come to rest, and so does everything behind.
"""

from collections import deque

from msgspec import Struct, field

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.books import Books
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import Inventory
from gateway.scheduling.effects import Effects
from gateway.scheduling.policy import Policy
from gateway.scheduling.refusals import waited_too_long
from gateway.scheduling.resident import Resident
from gateway.scheduling.simulate.fifo_swap import fitting, no_room_at_all
from gateway.scheduling.simulate.subject import GiveBack
from gateway.scheduling.spots import Spot, spots
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Ticket


class _Loaded(Struct, eq=False):
    target: Target
    shares: tuple[DeviceShare, ...]
    used: float
    ready: bool = False
    running: int = 0
    waiting: deque[Ticket] = field(default_factory=deque[Ticket])


class LruFit:
    """Implements ``Subject``. Each model by its preferred variant that fits the empty machine."""

    def __init__(self, effects: Effects, inventory: Inventory) -> None:
        self._effects = effects
        self._inventory = inventory
        self._policy = Policy()
        self._empty = Books((), inventory, self._policy)
        self._pending: deque[Ticket] = deque()
        self._loaded: dict[str, _Loaded] = {}
        self._leaving: dict[str, _Loaded] = {}
        self._evicted: list[str] = []

    def on_request(self, ticket: Ticket) -> None:
        self._pending.append(ticket)
        self._advance()

    def on_loaded(self, variant_id: str) -> None:
        self._loaded[variant_id].ready = True
        self._loaded[variant_id].used = self._effects.now()
        self._advance()

    def on_slept(self, variant_id: str) -> None:
        raise AssertionError("nobody is put to sleep")

    def on_stopped(self, variant_id: str) -> None:
        del self._leaving[variant_id]
        self._evicted.append(variant_id)
        self._advance()

    def on_tick(self) -> None:
        now = self._effects.now()
        for queue in (self._pending, *(loaded.waiting for loaded in self._loaded.values())):
            for ticket in tuple(queue):
                if now >= ticket.deadline:
                    queue.remove(ticket)
                    self._effects.refuse(ticket, waited_too_long(ticket, now, 0.0))
        self._advance()

    def lease(self, variant_id: str) -> GiveBack:
        loaded = self._loaded[variant_id]

        def give_back(held: float) -> None:
            loaded.running -= 1
            loaded.used = self._effects.now()
            self._advance()

        return give_back

    def _advance(self) -> None:
        for loaded in self._loaded.values():
            self._serve(loaded)
        while self._pending and self._take(self._pending[0]):
            self._pending.popleft()

    def _serve(self, loaded: _Loaded) -> None:
        while loaded.ready and loaded.waiting and loaded.running < loaded.target.slots:
            loaded.running += 1
            self._effects.grant(loaded.waiting.popleft(), loaded.target.variant_id)

    def _take(self, ticket: Ticket) -> bool:
        """True when the loop is done with it."""
        target = fitting(ticket, self._inventory, self._empty)
        if target is None:
            self._effects.refuse(ticket, no_room_at_all(ticket))
            return True
        loaded = self._loaded.get(target.variant_id)
        if loaded is None:
            loaded = self._load(target)
        if loaded is None:
            return False
        loaded.waiting.append(ticket)
        self._serve(loaded)
        return True

    def _load(self, target: Target) -> _Loaded | None:
        if target.variant_id in self._leaving:
            return None
        spot = self._free_spot(target)
        if spot is None:
            if not self._leaving:
                self._unload_one(target)
            return None
        loaded = _Loaded(target, spot.shares, self._effects.now())
        self._loaded[target.variant_id] = loaded
        evicted, self._evicted = tuple(self._evicted), []
        self._effects.start(target, Placement(variant_id=target.variant_id, shares=spot.shares, evict=evicted))
        return loaded

    def _free_spot(self, target: Target) -> Spot | None:
        here = [
            Resident(variant_id=o.target.variant_id, state=BackendState.READY, shares=o.shares)
            for o in (*self._loaded.values(), *self._leaving.values())
        ]
        books = Books(here, self._inventory, self._policy)
        able = [spot for spot in spots(target, self._inventory, books) if books.has(spot.needs)]
        return max(able, key=lambda spot: sum(books.free[d] for d in spot.needs), default=None)

    def _unload_one(self, target: Target) -> None:
        resting = [o for o in self._loaded.values() if o.ready and not o.running and not o.waiting]
        if not resting:
            return
        oldest = min(resting, key=lambda loaded: loaded.used)
        name = oldest.target.variant_id
        self._leaving[name] = self._loaded.pop(name)
        self._effects.stop(name, f"makes room for {target.variant_id}")
