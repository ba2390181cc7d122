"""Names of residents that are the same variant several times over: ``profile:variant``, ``profile:variant#2``, … Pure.

They share weights, footprint and everything that was measured; each has memory, an engine and a queue of its own.
"""

_MARK = "#"
"""In no name of a profile or variant."""


def replica_id(base: str, number: int) -> str:
    """The id of the ``number``-th, from 1; the first has the variant's own name."""
    return base if number == 1 else f"{base}{_MARK}{number}"


def base_of(variant_id: str) -> str:
    """The variant that it is one of."""
    return variant_id.partition(_MARK)[0]


def number_of(variant_id: str) -> int | None:
    """Which one it is, from 1; ``None`` for what is no replica's name."""
    _, mark, number = variant_id.partition(_MARK)
    if not mark:
        return 1
    plain = number.isascii() and number.isdecimal() and len(number) < 4 and not number.startswith("0")
    return int(number) if plain and number != "1" else None
