"""One thing wrong with a profile file, and where. Says it in the form editors and terminals can jump to."""

import difflib
from collections.abc import Iterable

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True):
    """A mistake at ``path:line:column`` (both counted from 1).

    ``where`` is the place inside the document (``variants[0].engine.slots``, empty for the document itself).
    """

    path: str
    line: int
    column: int
    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        parts = [f"{self.path}:{self.line}:{self.column}"]
        if self.where:
            parts.append(self.where)
        parts.append(self.message)
        text = ": ".join(parts)
        return f"{text}; {self.hint}" if self.hint else text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the closest known word, or an empty string when none is close."""
    close = difflib.get_close_matches(word[:80], list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def quoted(text: str, limit: int = 80) -> str:
    """``text`` in double quotes, printable and short enough for one line of a terminal or an error."""
    shown = "".join(c if c.isprintable() else "�" for c in text[:limit])
    return f'"{shown}…"' if len(text) > limit else f'"{shown}"'
