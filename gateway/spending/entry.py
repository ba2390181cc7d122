"""One call to a provider in the account: its states, and what it counts for. Pure.

``reserved`` becomes ``settled`` (it cost so much), ``released`` (it was certainly never taken on), or ``unknown``:
nobody heard how it went, so it may have been charged. An unknown one counts in full and is never freed by itself; its
caller may still settle it, or an operator who looked at the provider's bill. Its day and month end as all others do.

What a gateway has in advance of its calls is an entry too, without a model and a provider (``Entry.in_advance``).
"""

from secrets import token_hex
from typing import Literal

from msgspec import Struct

State = Literal["reserved", "settled", "released", "unknown"]
Event = Literal["settle", "release", "doubt"]

OPEN: frozenset[State] = frozenset({"reserved", "unknown"})
"""They count with what was reserved."""

_AFTER: dict[Event, tuple[State, frozenset[State]]] = {
    # Whoever learns later that a released call was charged after all must be able to say so.
    "settle": ("settled", frozenset({"reserved", "unknown", "released"})),
    "release": ("released", OPEN),
    "doubt": ("unknown", frozenset({"reserved"})),
}


class Call(Struct, frozen=True, kw_only=True):
    """Who pays for what. ``key`` is the id of an API key; ``request_id`` may be a job's."""

    key: str
    model: str
    provider: str
    request_id: str = ""


class Entry(Struct, frozen=True, kw_only=True):
    """Amounts in billionths of a dollar, times in Unix seconds. ``spent`` is 0 until it is settled."""

    id: str
    key: str
    model: str
    provider: str
    request_id: str
    state: State
    day: str
    reserved: int
    spent: int
    created_at: float
    due_at: float
    ended_at: float | None = None

    @property
    def counted(self) -> int:
        """What it takes of its budgets."""
        return self.reserved if self.state in OPEN else self.spent

    @property
    def in_advance(self) -> bool:
        """No call, but room for calls: see ``advance``."""
        return self.provider == ""


def after(state: State, event: Event) -> State | None:
    """The state that follows, ``None`` where the event changes nothing: it has happened, or another one has."""
    reached, before = _AFTER[event]
    return reached if state in before else None


def new_id(of: str = "spend") -> str:
    return f"{of}_{token_hex(8)}"
