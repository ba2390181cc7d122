"""Tickets that wait, in order of arrival. A bounded structure without opinions: the scheduler decides."""

from collections.abc import Iterator

from gateway.scheduling.ticket import Ticket


class TicketQueue:
    """Insertion-ordered; counts a variant's tickets in constant time."""

    def __init__(self) -> None:
        self._tickets: dict[int, Ticket] = {}
        self._count: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(tuple(self._tickets.values()))

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket.id in self._tickets

    def add(self, ticket: Ticket) -> None:
        self._tickets[ticket.id] = ticket
        self._count[ticket.target.variant_id] = self.count(ticket.target.variant_id) + 1

    def give_up(self, ticket: Ticket) -> None:
        """Removes one that will not be served; who was behind it takes over how often it has been passed.

        Without this a line of short deadlines would never be passed often enough to get its turn.
        """
        self.remove(ticket)
        if ticket.bypassed and (heirs := self.of(ticket.target.variant_id)):
            heirs[0].bypassed = max(heirs[0].bypassed, ticket.bypassed)

    def remove(self, ticket: Ticket) -> None:
        if self._tickets.pop(ticket.id, None) is None:
            return
        left = self._count[ticket.target.variant_id] - 1
        if left:
            self._count[ticket.target.variant_id] = left
        else:
            del self._count[ticket.target.variant_id]

    def count(self, variant_id: str) -> int:
        return self._count.get(variant_id, 0)

    def of(self, variant_id: str) -> tuple[Ticket, ...]:
        return tuple(t for t in self._tickets.values() if t.target.variant_id == variant_id)
