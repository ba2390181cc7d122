"""A place in the context for one sequence: what its memory holds and what it is working on.

Plain state for the decisions in ``placing`` and ``stepping``; nothing here touches the engine.
"""

from msgspec import Struct


class Work(Struct, kw_only=True):
    """A prompt on its way through a slot. It may wait for slot ``waits_for`` to hold ``waits_until`` tokens first."""

    prompt: list[int]
    order: int
    every_output: bool = False
    embedding: bool = False
    waits_for: int | None = None
    waits_until: int = 0


class Slot(Struct, kw_only=True):
    """``kept`` are the tokens in memory, in order. ``next_token`` was sampled and is not computed yet."""

    index: int
    kept: list[int] = []
    work: Work | None = None
    next_token: int | None = None
    last_used: int = 0

    @property
    def prompt_left(self) -> int:
        """Prompt tokens still to compute."""
        return 0 if self.work is None else max(0, len(self.work.prompt) - len(self.kept))


def common_prefix(one: list[int], other: list[int]) -> int:
    """Number of equal tokens at the beginning of both."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
