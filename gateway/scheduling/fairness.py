"""Whose turn it is. A line may move a resident when it has waited long enough for what moving costs, or too long.

Part of the scheduler's single writer. It says who may move whom; it never grants, loads or evicts.
"""

from msgspec import Struct

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.decision import Wait
from gateway.scheduling.line import Line
from gateway.scheduling.occupants import Occupant, Occupants
from gateway.scheduling.queue import TicketQueue
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Priority


class Turns(Struct, frozen=True, kw_only=True):
    """How patient lines are, in units of what a swap costs: the seconds to load the one and to bring back the other.

    A line moves who is in use once all in it together have waited ``patience`` of them. Past ``overdue`` times its
    fair wait a ticket waits for nobody's convenience.
    """

    patience: float = 1.0
    overdue: float = 1.5


class Fairness:
    """Found anew in every pass over the queue, so that no stale claim survives."""

    def __init__(self, turns: Turns, occupants: Occupants, queue: TicketQueue) -> None:
        self._turns = turns
        self._occupants = occupants
        self._queue = queue
        self.reserved: list[Resident] = []

    def begin_pass(self) -> None:
        """Forgets the claims of the last pass: the tickets that made them may be gone."""
        self.reserved.clear()
        for occupant in self._occupants:
            occupant.yielding = False
            occupant.claimed = None

    def order(self, line: Line, now: float) -> tuple[int, float, int]:
        """Sort key: people before batch, then by turn. Batch that is overdue counts as people until it is in memory:
        from then on it takes one turn at a time.
        """
        head = line.head
        there = self._occupants.get(head.target.variant_id)
        due = line.is_overdue(now) and (there is None or there.state is not BackendState.READY)
        return int(line.priority is Priority.BATCH and not due), head.turn, head.id

    def may_move(self, line: Line, occupant: Occupant, now: float) -> bool:
        """``line`` may ask ``occupant`` to leave, now or as soon as what runs on it has ended."""
        if occupant.claimed is not None and occupant.claimed != line.name:
            return False
        waiting = self._queue.count(occupant.target.variant_id)
        if occupant.state is not BackendState.READY:
            return occupant.state is BackendState.SLEEPING and not waiting
        batch = self._is_batch(occupant)
        if line.priority is Priority.INTERACTIVE and batch:
            return bool(occupant.served) or not waiting
        if waiting and occupant.served < occupant.gate:
            return self._ends_early(line, occupant, now)
        if line.is_overdue(now):
            return True
        if line.priority is Priority.BATCH and not batch:
            return not waiting and not occupant.in_flight and not self._is_missed(line, occupant, now)
        swap = self._ready_in(line.head.target) + _back(occupant)
        if line.claim(now) >= self._turns.patience * swap:
            return True
        # At rest it leaves at once: to hold it for who may come made people wait longer than the swap it saved.
        return not waiting and not occupant.in_flight

    def _ends_early(self, line: Line, occupant: Occupant, now: float) -> bool:
        """It still owes a turn to those who waited for its load. Only who is overdue ends that, or whose key has had
        less of the machine than those still waiting here; and never so early that the load was not worth its time.
        """
        swap = self._ready_in(line.head.target) + _back(occupant)
        worth = occupant.served >= occupant.target.slots and now - occupant.since >= swap
        return worth and (line.is_overdue(now) or self._has_had_less(line, occupant.target.variant_id))

    def _has_had_less(self, line: Line, name: str) -> bool:
        head = line.head
        theirs = [
            other.head for other in self._queue.lines() if any(choice.variant_id == name for choice in other.choices)
        ]
        return all(other.key != head.key and other.turn > head.turn for other in theirs)

    def _mean(self, target: Target) -> float:
        return self._occupants.service(target.variant_id).mean

    def note_wait(self, line: Line, wait: Wait, now: float) -> bool:
        """When all ``wait.behind`` may be moved, they take no new requests and nobody else gets their memory."""
        there = [o for name in wait.behind if (o := self._occupants.get(name)) is not None]
        moved = [o for o in there if o.state is not BackendState.STOPPING]
        if not moved or not all(self.may_move(line, occupant, now) for occupant in moved):
            return False
        for occupant in moved:
            occupant.yielding = True
            occupant.claimed = line.name
        self.reserved.append(_reservation(line, wait, moved))
        return True

    def _is_missed(self, line: Line, occupant: Occupant, now: float) -> bool:
        """People are expected to ask for it before a job of the line is over and it is back."""
        target = line.head.target
        away = self._ready_in(target) + self._mean(target) + _back(occupant)
        popularity = self._occupants.popularity(occupant.target.profile_id)
        return popularity.has_a_habit and popularity.gap(now) < away

    def _ready_in(self, target: Target) -> float:
        """Seconds to load it, or to wake it where it sleeps."""
        there = self._occupants.get(target.variant_id)
        if there is None or there.state is not BackendState.SLEEPING or target.sleep is None:
            return target.load_seconds
        return target.sleep.bed(there.depth).wake_seconds

    def _is_batch(self, occupant: Occupant) -> bool:
        """Nobody looks at what it does: all who wait for it are batch, or else most who used it were."""
        name = occupant.target.variant_id
        if self._queue.count(name):
            return all(
                line.priority is Priority.BATCH
                for line in self._queue.lines()
                if any(choice.variant_id == name for choice in line.choices)
            )
        return self._occupants.popularity(occupant.target.profile_id).weight < 0.5


def _back(occupant: Occupant) -> float:
    """Seconds to bring it back."""
    asleep = occupant.target.sleep
    return occupant.target.load_seconds if asleep is None else min(asleep.wake_seconds, occupant.target.load_seconds)


def _reservation(line: Line, wait: Wait, moved: list[Occupant]) -> Resident:
    """What the line will need besides what those it waits for hold: nobody else may take that meanwhile."""
    shares: list[DeviceShare] = []
    for share in wait.shares:
        given = sum(s.bytes for occupant in moved for s in occupant.shares if s.device_id == share.device_id)
        shares.append(DeviceShare(share.device_id, max(0, share.bytes - given)))
    return Resident(variant_id=f"(for {line.name})", state=BackendState.STARTING, shares=tuple(shares))
