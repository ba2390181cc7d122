"""Those who wait for the same thing at the same priority, and what they have waited together. Pure; seconds."""

from bisect import insort

from msgspec import Struct, field

from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Priority, Ticket

_BATCH_CLAIM = 0.1
_DEBT_LASTS = 600.0


def _place(ticket: Ticket) -> tuple[float, int]:
    return ticket.turn, ticket.id


class Line(Struct, eq=False, kw_only=True):
    """Tickets in the order of their turns. ``debt`` is what those waited who gave up: it is owed to who stays.

    ``due`` is when the first of them is overdue, ``None`` until somebody asks.
    """

    name: str
    priority: Priority
    tickets: list[Ticket] = field(default_factory=list[Ticket])
    enqueued: float = 0.0
    due: float | None = None
    debt: float = 0.0
    debt_at: float = 0.0

    @property
    def head(self) -> Ticket:
        """Whose turn it is."""
        return self.tickets[0]

    @property
    def choices(self) -> tuple[Target, ...]:
        """What the head would take."""
        return self.tickets[0].choices

    def add(self, ticket: Ticket) -> None:
        """In the order of turns: who has had little of the machine goes before who has had much."""
        insort(self.tickets, ticket, key=_place)
        self.enqueued += ticket.enqueued
        self.due = None if self.due is None else min(self.due, ticket.due)

    def remove(self, ticket: Ticket) -> None:
        """Takes it out."""
        self.tickets.remove(ticket)
        self.enqueued -= ticket.enqueued
        if self.due == ticket.due:
            self.due = None

    def give_up(self, ticket: Ticket, now: float) -> None:
        """Takes out one that will not be served; without the debt, short deadlines would never have their turn."""
        self.remove(ticket)
        self.debt = self._owed(now) + max(0.0, now - ticket.enqueued)
        self.debt_at = now

    def served(self) -> None:
        """One of the line has been granted: nothing is owed any more."""
        self.debt = 0.0

    def is_overdue(self, now: float) -> bool:
        """Somebody in it, not only the first, has waited longer than those ahead of him can explain."""
        return bool(self.tickets) and now >= self._due()

    def _due(self) -> float:
        if self.due is None:
            self.due = min(ticket.due for ticket in self.tickets)
        return self.due

    def claim(self, now: float) -> float:
        """Seconds that all in the line have waited together; batch counts a tenth."""
        waited = self._owed(now) + len(self.tickets) * now - self.enqueued
        return waited * (1.0 if self.priority is Priority.INTERACTIVE else _BATCH_CLAIM)

    def forgotten(self, now: float) -> bool:
        """Empty, and nothing is owed: it need not be kept."""
        return not self.tickets and not self._owed(now)

    def _owed(self, now: float) -> float:
        return self.debt if now - self.debt_at < _DEBT_LASTS else 0.0
