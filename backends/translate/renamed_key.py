"""One key of JSON objects under another name, in bytes that are passed on: nothing is decoded, no text is touched.

A key is found by what stands before it and after it: inside a string a quote has a backslash, so that the bytes
``{"key":`` or ``,"key":`` are never part of one. In streams for JSON without spaces around names, as servers write it.
"""

import re

from msgspec import Struct


class Renaming(Struct, frozen=True):
    """``old`` and ``new`` are names without quotes, of letters and underscores."""

    old: str
    new: str

    def whole(self, body: bytes) -> bytes:
        """A plain answer, however it is spaced."""
        return re.sub(rb'(?<!\\)"%b"(?=\s*:)' % self.old.encode(), b'"%b"' % self.new.encode(), body)


class RenamedKey:
    """One stream. What may be the beginning of the key at the end of a chunk is kept for the next."""

    __slots__ = ("_begun", "_found", "_held", "_pairs")

    def __init__(self, names: Renaming) -> None:
        old, new = f'"{names.old}":'.encode(), f'"{names.new}":'.encode()
        self._found = old
        self._pairs = tuple((lead + old, lead + new) for lead in (b"{", b","))
        self._begun = frozenset(whole[:n] for whole, _ in self._pairs for n in range(1, len(whole)))
        self._held = b""

    def feed(self, chunk: bytes, *, last: bool = False) -> bytes:
        """What may go out now. ``last``: nothing follows."""
        if self._held:
            chunk, self._held = self._held + chunk, b""
        if not last and not chunk.endswith(b"\n"):  # a chunk is nearly always whole lines
            for n in range(min(len(self._found), len(chunk)), 0, -1):
                if chunk[-n:] in self._begun:
                    chunk, self._held = chunk[:-n], chunk[-n:]
                    break
        if self._found in chunk:
            for old, new in self._pairs:
                chunk = chunk.replace(old, new)
        return chunk
