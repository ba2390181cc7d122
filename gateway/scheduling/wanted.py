"""What a request asks of the scheduler: variants that would do, and how urgent it is. Data only."""

from msgspec import Struct

from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Priority, Ticket


class Wanted(Struct, frozen=True, kw_only=True):
    """``target`` is preferred, ``alternatives`` would do, in order. ``cost`` in device seconds, as far as known;
    ``request`` is its id for people.
    """

    target: Target
    alternatives: tuple[Target, ...] = ()
    priority: Priority = Priority.INTERACTIVE
    cost: float | None = None
    request: str = ""

    def ticket(self, number: int, key: str, now: float, deadline: float) -> Ticket:
        """Its place in the queue."""
        return Ticket(
            id=number,
            target=self.target,
            alternatives=self.alternatives,
            key=key,
            enqueued=now,
            deadline=deadline,
            priority=self.priority,
            cost=self.cost,
            request=self.request,
        )
