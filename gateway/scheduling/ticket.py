"""A request's place in the queue of the scheduler. Data only."""

from enum import IntEnum, StrEnum
from math import inf

from msgspec import Struct

from gateway.scheduling.target import Target


class TicketState(StrEnum):
    """Every ticket leaves ``WAITING`` exactly once."""

    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Priority(IntEnum):
    """Lower goes first: somebody looks at the screen, or nobody does."""

    INTERACTIVE = 0
    BATCH = 1


class Ticket(Struct, kw_only=True, eq=False):
    """Who waits for what. ``target`` is preferred, ``alternatives`` would do, in order.

    ``deadline`` is monotonic seconds; ``cost`` the device seconds it will take, as far as known. ``line`` names those
    who want the same: only its first is looked at. ``turn`` is its place among all; from ``due`` on (monotonic seconds)
    it waits for nobody's convenience; ``told`` is the last reason it was given for waiting, ``request`` its id for
    people.
    """

    id: int
    target: Target
    key: str
    enqueued: float
    deadline: float
    alternatives: tuple[Target, ...] = ()
    priority: Priority = Priority.INTERACTIVE
    cost: float | None = None
    line: str = ""
    state: TicketState = TicketState.WAITING
    turn: float = 0.0
    due: float = inf
    told: str = ""
    request: str = ""

    def __post_init__(self) -> None:
        if not self.line:
            # Whoever would take something else, or more of it, must not be held up by those who would not.
            self.line = " ".join(f"{c.variant_id}@{c.device_bytes}+{c.host_bytes}" for c in self.choices)

    @property
    def choices(self) -> tuple[Target, ...]:
        """Every variant that would do, in order of preference."""
        return (self.target, *self.alternatives)
