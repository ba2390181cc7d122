"""The last decisions about memory and who gets it, in words. A bounded ring; decides nothing, writes nowhere.

Requests that a ready model takes at once are not in it: nothing had to be decided.
"""

from collections import deque
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

MOST_ENTRIES = 1000

Kind = Literal["serve", "load", "wake", "grow", "restart", "wait", "refuse", "sleep", "stop"]


class Entry(Struct, frozen=True, kw_only=True):
    """``at`` in monotonic seconds; ``waited`` by the request it was about, if any."""

    at: float
    kind: Kind
    model: str
    variant_id: str
    why: str
    request: str = ""
    waited: float | None = None
    leavers: tuple[str, ...] = ()


class Journal:
    """Oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)

    def note(self, entry: Entry) -> None:
        """Adds one, and forgets the oldest when it is full."""
        self._entries.append(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
