"""Tickets that wait, line by line. A bounded structure without opinions: the scheduler decides."""

from collections.abc import Iterator

from gateway.scheduling.key_share import KeyShare
from gateway.scheduling.line import Line
from gateway.scheduling.ticket import Priority, Ticket

_MOST_EMPTY_LINES = 1024


class TicketQueue:
    """Iterates in order of arrival; counts a variant's tickets in constant time."""

    def __init__(self) -> None:
        self._tickets: dict[int, Ticket] = {}
        self._lines: dict[tuple[str, Priority], Line] = {}
        self._count: dict[str, int] = {}
        self._shares = KeyShare()
        self._costs: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(tuple(self._tickets.values()))

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket.id in self._tickets

    def lines(self) -> list[Line]:
        """Those that somebody waits in."""
        return [line for line in self._lines.values() if line.tickets]

    def line_of(self, ticket: Ticket) -> Line:
        """Where it stands, or would stand."""
        name = (ticket.line, ticket.priority)
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line(name=ticket.line, priority=ticket.priority)
        return line

    def add(self, ticket: Ticket, cost: float) -> None:
        """At the end of what its key may have; ``cost`` in device seconds."""
        ticket.turn = self._shares.turn(ticket.key, cost)
        self._costs[ticket.id] = cost
        self._tickets[ticket.id] = ticket
        self.line_of(ticket).add(ticket)
        for target in ticket.choices:
            self._count[target.variant_id] = self.count(target.variant_id) + 1

    def granted(self, ticket: Ticket) -> None:
        """Removes one that is served."""
        if self._remove(ticket):
            self._shares.granted(ticket.turn)
            line = self.line_of(ticket)
            line.remove(ticket)
            line.served()
            self._tidy()

    def give_up(self, ticket: Ticket, now: float) -> None:
        """Removes one that will not be served; its line keeps what it waited, its key what it cost."""
        cost = self._costs.get(ticket.id, 0.0)
        if self._remove(ticket):
            self._shares.gave_up(ticket.key, cost)
            self.line_of(ticket).give_up(ticket, now)
            self._tidy(now)

    def count(self, variant_id: str) -> int:
        """Tickets that this variant would do for."""
        return self._count.get(variant_id, 0)

    def of(self, variant_id: str) -> tuple[Ticket, ...]:
        """Those tickets."""
        return tuple(t for t in self._tickets.values() if any(c.variant_id == variant_id for c in t.choices))

    def _remove(self, ticket: Ticket) -> bool:
        if self._tickets.pop(ticket.id, None) is None:
            return False
        del self._costs[ticket.id]
        for target in ticket.choices:
            left = self._count[target.variant_id] - 1
            if left:
                self._count[target.variant_id] = left
            else:
                del self._count[target.variant_id]
        return True

    def _tidy(self, now: float | None = None) -> None:
        if not self._tickets:
            self._shares.rest()
        if now is not None and len(self._lines) > _MOST_EMPTY_LINES:
            self._lines = {name: line for name, line in self._lines.items() if not line.forgotten(now)}
