"""One line of the arithmetic behind a size. Data only."""

from msgspec import Struct


class Term(Struct, frozen=True):
    """``formula`` is for people and comes to ``bytes``. ``on_host``: in host RAM whatever the device."""

    label: str
    formula: str
    bytes: int
    on_host: bool = False


def total(terms: tuple[Term, ...], *, on_host: bool = False) -> int:
    """The sum of those on the device, or of those in host RAM."""
    return sum(term.bytes for term in terms if term.on_host == on_host)
