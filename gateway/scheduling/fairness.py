"""Who may pass whom. Younger requests pass a waiting one where that saves a swap, but only ``max_bypass`` times.

Part of the scheduler's single writer. It counts and says no; it never grants, loads or evicts.
"""

from gateway.scheduling.occupants import Occupant, Occupants
from gateway.scheduling.placement import Placement
from gateway.scheduling.ticket import Ticket


class Fairness:
    """Found anew in every pass over the queue, from ``Ticket.bypassed`` alone, so that no stale claim survives."""

    def __init__(self, max_bypass: int, occupants: Occupants) -> None:
        self._max_bypass = max_bypass
        self._occupants = occupants
        self._in_the_way: dict[str, list[Ticket]] = {}
        self._reserved: set[str] = set()

    def begin_pass(self) -> None:
        """Forgets the claims of the last pass: the tickets that made them may be gone."""
        self._in_the_way.clear()
        self._reserved.clear()
        for occupant in self._occupants:
            occupant.yielding = False

    def is_impatient(self, ticket: Ticket) -> bool:
        """It has been passed as often as it may be."""
        return ticket.bypassed >= self._max_bypass

    def note_wait(self, ticket: Ticket, behind: tuple[str, ...]) -> None:
        """``ticket`` heads its variant's line and waits until ``behind`` make room.

        For an impatient one they take no new requests, and nobody younger loads where it waits.
        """
        for variant_id in behind:
            self._in_the_way.setdefault(variant_id, []).append(ticket)
            occupant = self._occupants.get(variant_id)
            if occupant is not None and self.is_impatient(ticket):
                occupant.yielding = True
                self._reserved.update(share.device_id for share in occupant.shares)

    def note_grant(self, occupant: Occupant) -> None:
        """A request was granted on ``occupant``: whoever waits for its memory has been passed."""
        for waiting in self._in_the_way.get(occupant.target.variant_id, ()):
            waiting.bypassed += 1
            if self.is_impatient(waiting):
                occupant.yielding = True

    def forbids(self, placement: Placement) -> bool:
        """True when an older, impatient ticket waits for memory of the same device."""
        return any(share.device_id in self._reserved for share in placement.shares)
