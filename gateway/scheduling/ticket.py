"""A request's place in the queue of the scheduler. Data only."""

from enum import StrEnum

from msgspec import Struct

from gateway.scheduling.placement import Target


class TicketState(StrEnum):
    """Every ticket leaves ``WAITING`` exactly once."""

    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Ticket(Struct, kw_only=True, eq=False):
    """Who waits for what. ``deadline`` is monotonic seconds; ``bypassed`` counts grants that stood in its way."""

    id: int
    target: Target
    key: str
    enqueued: float
    deadline: float
    state: TicketState = TicketState.WAITING
    bypassed: int = 0
