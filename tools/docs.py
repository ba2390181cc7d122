"""Writes the generated parts of ``docs/*.md``: ``python -m tools.docs``.

A part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` and comes from ``tools/tables.py``; the words
around it are written by hand and never touched. ``tests/test_docs.py`` holds every part current.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.tables import TABLES

DOCS = Path(__file__).resolve().parent.parent / "docs"
_PART = re.compile(r"(<!-- begin (?P<name>[a-z-]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)


def current(text: str) -> str:
    """``text`` with each of its parts as the code says now. Raises ``KeyError`` for a part nobody makes."""
    return _PART.sub(lambda part: f"{part[1]}\n{TABLES[part['name']]()}\n{part[3]}", text)


def parts(text: str) -> Iterator[str]:
    """The names of the parts of ``text``."""
    return (part["name"] for part in _PART.finditer(text))


def main() -> int:
    for path in sorted(DOCS.glob("*.md")):
        before = path.read_text("utf-8")
        after = current(before)
        if after != before:
            path.write_text(after, "utf-8")
            print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
