"""The ``Range`` of a request for a file (RFC 9110, 14). Pure."""

import re

from msgspec import Struct

_BYTES = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII)


class Span(Struct, frozen=True):
    """Bytes ``start`` to before ``end`` of a file of ``size``. ``part``: it was asked for, so the answer is a 206."""

    start: int
    end: int
    size: int
    part: bool = False

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """The header of a 206."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def span_of(header: str | None, size: int) -> Span | None:
    """What of a file of ``size`` bytes is wanted; ``None`` when nothing of it can be (416).

    What is no range of bytes, or several of them, is answered with the whole file, as the RFC allows.
    """
    whole = Span(0, size, size)
    found = None if header is None else _BYTES.fullmatch(header)
    if found is None:
        return whole
    first, last = found.groups()
    if not first and not last:
        return whole
    if not first:
        length = min(int(last), size)
        return Span(size - length, size, size, part=True) if length else None
    start = int(first)
    if last and int(last) < start:
        return whole
    if start >= size:
        return None
    return Span(start, min(size, int(last) + 1) if last else size, size, part=True)
