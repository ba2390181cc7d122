"""Finds the end of a JSON object in a growing text, one character at a time. Pure.

Knows strings, nesting and which characters may stand outside strings; it never decodes values and never repairs.
"""

from typing import Literal

_OUTSIDE = frozenset(" \t\r\n:,+-.0123456789eEtruefalsnTFNo")
"""With those of Python's ``True``, ``False`` and ``None``, which small models write."""
_NESTING = 200


class JsonScan:
    """``state`` is ``broken`` from the first character that cannot be part of JSON (that character is not taken)."""

    def __init__(self) -> None:
        self.state: Literal["open", "done", "broken"] = "open"
        self.depth = 0
        self.in_string = False
        self._escaped = False

    def take(self, char: str) -> bool:
        """Take one character; false when it does not belong to the object."""
        if self.in_string:
            self._take_string(char)
        elif char == '"':
            self.in_string = True
        elif char in "{[":
            self.depth += 1
        elif char in "}]":
            self.depth -= 1
            if self.depth <= 0:
                self.state = "done"
        elif char not in _OUTSIDE:
            self.state = "broken"
        if self.depth > _NESTING:
            self.state = "broken"
        return self.state != "broken"

    def _take_string(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self.in_string = False
