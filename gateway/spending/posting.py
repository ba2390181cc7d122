"""What passes between the decisions about advances and the database: plain data, amounts in billionths of a dollar."""

from msgspec import Struct

from gateway.spending.budget import Budget, Refusal
from gateway.spending.entry import Entry


class Posting(Struct, frozen=True, kw_only=True):
    """What the database shall say of an advance from now on. In full and not as a difference: to write it again, after
    a failure that left open whether it was written, changes nothing.

    ``keep``: what it counts for, calls under way included. ``calls``: those that have ended, each a row of its own.
    ``new``: it may have no row yet. ``close``: nothing follows, its row goes. ``back``: how much of ``keep`` was given
    back for this; only its sender needs to know.
    """

    id: str
    key: str
    day: str
    keep: int
    created_at: float
    due_at: float
    calls: tuple[Entry, ...] = ()
    new: bool = False
    close: bool = False
    back: int = 0


class Want(Struct, frozen=True, kw_only=True):
    """Room for calls of a key on a day: ``least``, and up to ``most`` where there is plenty. ``into`` is the id of the
    advance that gets it, or the row of one call that is its own reservation.
    """

    key: str
    day: str
    least: int
    most: int
    budget: Budget
    into: str | Entry


class Drawn(Struct, frozen=True, kw_only=True):
    """What came of a ``Want``: ``refused``, and nothing was written; or ``granted``, and it is on the disk. ``lost``:
    advances that somebody has settled, who took their gateway for dead. Where the one that wanted is among them,
    nothing was written either.
    """

    granted: int = 0
    refused: Refusal | None = None
    lost: frozenset[str] = frozenset()
