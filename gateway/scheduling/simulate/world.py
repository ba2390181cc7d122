"""The world of a simulation: a virtual clock, an ordered heap of what happens next, and engines that take their time.

Implements ``Effects`` for whatever policy is under test. Loading takes the variant's seconds, waking its own; to stop
and to fall asleep take none (the trace has no figure for them, and it is the same for all). Running work is never cut.
"""

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf

from backends.errors import BackendError
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import Inventory
from gateway.scheduling.effects import Transition
from gateway.scheduling.simulate.fair_share import Ahead, fair_wait
from gateway.scheduling.simulate.ledger import Ledger
from gateway.scheduling.simulate.outcome import Outcome
from gateway.scheduling.simulate.population import targets
from gateway.scheduling.simulate.subject import Make
from gateway.scheduling.simulate.trace import Request, Trace
from gateway.scheduling.target import Depth, Target
from gateway.scheduling.ticket import Priority, Ticket

_TICK = 1.0
_LAZY_TICK = 60.0
"""While nobody waits only disuse is looked at."""


class World:
    """One run. ``outcomes`` in order of arrival, ``ledger`` has the bytes."""

    def __init__(self, make: Make, inventory: Inventory, trace: Trace) -> None:
        self.clock = 0.0
        self.outcomes: list[Outcome] = []
        self.ledger = Ledger(inventory)
        self.busy: dict[str, float] = {device.id: 0.0 for device in inventory.devices}
        self._trace = trace
        self._targets = targets(trace, inventory)
        self._cards = len(inventory.gpus)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._open: dict[int, Outcome] = {}
        self._queued: Counter[tuple[str, str]] = Counter()
        self._work: dict[tuple[str, str], float] = {}
        self._runs: dict[int, Outcome] = {}
        self._waiting = 0
        self._ready: set[str] = set()
        self._running: dict[str, int] = {}
        self._ticking = inf
        self._subject = make(self, inventory)

    def run(self) -> None:
        """Plays all requests to their end."""
        for request in self._trace.requests:
            self._at(request.at, lambda request=request: self._ask(request))
        while self._heap:
            at, _, happen = heappop(self._heap)
            self.clock = at
            happen()
            self._wind()

    def _wind(self) -> None:
        """The next tick: soon while somebody waits, now and then while there is anything to come."""
        if not self._waiting and not self._heap:
            return
        due = self.clock + (_TICK if self._waiting else _LAZY_TICK)
        if due < self._ticking - _TICK / 2 or self._ticking <= self.clock:
            self._ticking = due
            self._at(due, lambda: self._tick(due))

    def _tick(self, due: float) -> None:
        if due == self._ticking:
            self._ticking = inf
            self._subject.on_tick()

    def _at(self, time: float, happen: Callable[[], None]) -> None:
        heappush(self._heap, (time, next(self._order), happen))

    # --- requests -------------------------------------------------------------------------------------------------

    def _ask(self, request: Request) -> None:
        target, *others = self._targets[request.model]
        number = len(self.outcomes)
        batch = (request.priority or self._usual_priority(request)) == "batch"
        outcome = Outcome(
            model=request.model,
            key=request.key,
            priority=Priority.BATCH if batch else Priority.INTERACTIVE,
            asked=self.clock,
            seconds=request.seconds,
            slots=target.slots,
            fair=fair_wait(
                self._ahead(),
                model=request.model, key=request.key, load=self._load_of(target), seconds=request.seconds,
                cards=self._cards,
            ),
        )  # fmt: skip
        self.outcomes.append(outcome)
        self._open[number] = outcome
        self._wait(outcome, 1)
        self._subject.on_request(
            Ticket(
                id=number,
                target=target,
                alternatives=tuple(others),
                key=request.key,
                enqueued=self.clock,
                deadline=inf if request.max_wait is None else self.clock + request.max_wait,
                priority=outcome.priority,
                line=request.model,
            )
        )

    def _usual_priority(self, request: Request) -> str:
        kind = request.kind or self._trace.models[request.model].kind
        return "batch" if kind == "video" else "interactive"

    def _wait(self, outcome: Outcome, change: int) -> None:
        self._waiting += change
        who = (outcome.model, outcome.key)
        self._queued[who] += change
        self._work[who] = self._work.get(who, 0.0) + change * outcome.seconds / outcome.slots
        if not self._queued[who]:
            del self._queued[who], self._work[who]

    def _ahead(self) -> list[Ahead]:
        waiting = [(model, key, work) for (model, key), work in self._work.items()]
        running = [(o.model, o.key, ((o.ended or 0.0) - self.clock) / o.slots) for o in self._runs.values()]
        return [
            Ahead(model=model, key=key, work=work, load=self._load_of(self._targets[model][0]))
            for model, key, work in (*waiting, *running)
        ]

    def _load_of(self, target: Target) -> float:
        there = any(choice.variant_id in self._ready for choice in self._targets[target.profile_id])
        return 0.0 if there else target.load_seconds

    # --- Effects --------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.clock

    def start(self, target: Target, placement: Placement) -> None:
        self.ledger.start(target, placement)
        self._at(self.clock + target.load_seconds, lambda: self._loaded(target.variant_id))

    def wake(self, target: Target, placement: Placement) -> None:
        assert target.sleep is not None, "only what sleeps is woken"
        wake_seconds = target.sleep.bed(self.ledger.depth_of(target.variant_id)).wake_seconds
        self.ledger.wake(target, placement)
        self._at(self.clock + wake_seconds, lambda: self._loaded(target.variant_id))

    def sleep(self, variant_id: str, depth: Depth, reason: str) -> None:
        self._ready.discard(variant_id)
        self.ledger.sleep(variant_id, depth, reason)
        self._at(self.clock, lambda: self._slept(variant_id))

    def stop(self, variant_id: str, reason: str) -> None:
        self._ready.discard(variant_id)
        self.ledger.stop(variant_id, reason)
        self._at(self.clock, lambda: self._stopped(variant_id))

    def grant(self, ticket: Ticket, variant_id: str) -> bool:
        outcome = self._open[ticket.id]
        speed = next(choice.speed for choice in ticket.choices if choice.variant_id == variant_id)
        outcome.granted = self.clock
        outcome.ended = self.clock + outcome.seconds / speed
        outcome.devices = self.ledger.devices_of(variant_id)
        outcome.variant_id = variant_id
        self._wait(outcome, -1)
        self._runs[ticket.id] = outcome
        # After the policy has finished this event: the lease is noted, then it may end.
        self._at(self.clock, lambda: self._begin(ticket.id, variant_id))
        return True

    def refuse(self, ticket: Ticket, error: BackendError) -> None:
        outcome = self._open.pop(ticket.id)
        outcome.refused = True
        outcome.ended = self.clock
        self._wait(outcome, -1)

    def record(self, transition: Transition) -> None:
        """Nobody reads a log here."""

    # --- what happens later ---------------------------------------------------------------------------------------

    def _begin(self, number: int, variant_id: str) -> None:
        outcome = self._open[number]
        assert outcome.ended is not None, "it was granted"
        give_back = self._subject.lease(variant_id)
        for device_id in outcome.devices:
            self._use(device_id, 1)
        self._at(outcome.ended, lambda: self._end(number, give_back))

    def _end(self, number: int, give_back: Callable[[float], None]) -> None:
        outcome = self._open.pop(number)
        del self._runs[number]
        for device_id in outcome.devices:
            self._use(device_id, -1)
        assert outcome.granted is not None, "it was granted"
        give_back(self.clock - outcome.granted)

    def _use(self, device_id: str, change: int) -> None:
        before = self._running.get(device_id, 0)
        self._running[device_id] = before + change
        if device_id in self.busy and (before == 0 or before + change == 0):
            self.busy[device_id] += self.clock if before + change == 0 else -self.clock

    def _loaded(self, variant_id: str) -> None:
        self._ready.add(variant_id)
        self.ledger.awake(variant_id)
        self._subject.on_loaded(variant_id)

    def _slept(self, variant_id: str) -> None:
        self.ledger.slept(variant_id)
        self._subject.on_slept(variant_id)

    def _stopped(self, variant_id: str) -> None:
        self.ledger.stopped(variant_id)
        self._subject.on_stopped(variant_id)
