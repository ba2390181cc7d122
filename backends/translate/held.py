"""How much of a growing text must wait, because it may be the beginning of a marker. Pure."""

from collections.abc import Iterable


def held_length(text: str, markers: Iterable[str]) -> int:
    """Length of the longest end of ``text`` that begins one of ``markers`` without being all of it."""
    return max((_overlap(text, marker) for marker in markers), default=0)


def _overlap(text: str, marker: str) -> int:
    for length in range(min(len(text), len(marker) - 1), 0, -1):
        if text.endswith(marker[:length]):
            return length
    return 0
