"""The common subset of regular expressions as GBNF, for ``pattern`` in a JSON Schema. Pure.

Owns: literals, classes, ``\\d \\w \\s``, groups, alternatives and bounded repeats. What is outside (looking around,
back references, lazy repeats, word boundaries) is answered with None, never approximated.
"""

import re

from backends.translate.gbnf import in_class, literal

_MOST_REPEATS = 1000
_LONGEST = 1000
_DEEPEST = 32
_CLASSES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " "}
_ESCAPED = frozenset(".^$*+?()[]{}|\\/-\"'#@!%&=~:;,<> _")
_ANY = r'[^"\\\x7F\x00-\x1F]'


class _OutsideError(Exception):
    """Not in the subset."""


def pattern(regex: str) -> str | None:
    """GBNF for the inside of a JSON string that matches; unanchored ends allow any text around. None if unsupported."""
    if len(regex) > _LONGEST:
        return None
    before = "" if regex.startswith("^") else f"{_ANY}* "
    anchored = regex.endswith("$") and not regex.endswith("\\$")
    reader = _Reader(regex.removeprefix("^"), anchored)
    try:
        body = reader.alternatives()
        if reader.rest:
            return None
    except (_OutsideError, IndexError):
        return None
    return f"{before}( {body} ){'' if anchored else f' {_ANY}*'}"


class _Reader:
    def __init__(self, text: str, anchored: bool) -> None:
        self.rest = text[:-1] if anchored else text
        self._depth = 0

    def alternatives(self) -> str:
        options = [self._sequence()]
        while self.rest.startswith("|"):
            self.rest = self.rest[1:]
            options.append(self._sequence())
        return " | ".join(options)

    def _sequence(self) -> str:
        parts: list[str] = []
        while self.rest and self.rest[0] not in "|)":
            parts.append(self._atom() + self._repeat())
        return " ".join(parts) or '""'

    def _take(self) -> str:
        char, self.rest = self.rest[0], self.rest[1:]
        return char

    def _atom(self) -> str:
        char = self._take()
        match char:
            case "(":
                if self.rest.startswith("?:"):
                    self.rest = self.rest[2:]
                elif self.rest.startswith("?"):
                    raise _OutsideError
                self._depth += 1
                if self._depth > _DEEPEST:
                    raise _OutsideError
                body = self.alternatives()
                self._depth -= 1
                if self._take() != ")":
                    raise _OutsideError
                return f"( {body} )"
            case "[":
                return self._class()
            case ".":
                return _ANY
            case "\\":
                return self._escape()
            case "^" | "$" | "*" | "+" | "?" | "{" | '"':
                raise _OutsideError
            case _:
                return literal(char)

    def _escape(self) -> str:
        char = self._take()
        if char in _CLASSES:
            return f"[{_CLASSES[char]}]"
        if char not in _ESCAPED or char in '"\\':
            raise _OutsideError
        return literal(char)

    def _class(self) -> str:
        negated = self.rest.startswith("^")
        if negated:
            self.rest = self.rest[1:]
        members: list[str] = []
        while (char := self._take()) != "]":
            members.append(self._member(char))
        if not members:
            raise _OutsideError
        if negated:
            return f"[^{''.join(members)}" + r'"\\\x7F\x00-\x1F]'
        return f"[{''.join(members)}]"

    def _member(self, char: str) -> str:
        if char == "\\":
            escaped = self._take()
            if escaped in _CLASSES:
                return _CLASSES[escaped]
            if escaped not in _ESCAPED or escaped in '"\\':
                raise _OutsideError
            return in_class(escaped)
        if char == "-" and self.rest[:1] != "]":
            return "-"
        if char in '"[' or ord(char) < ord(" "):
            raise _OutsideError
        return in_class(char)

    def _repeat(self) -> str:
        found = re.match(r"[*+?]|\{(\d+)(,)?(\d*)\}", self.rest)
        if found is None:
            return ""
        self.rest = self.rest[found.end() :]
        if self.rest[:1] in ("?", "+", "*"):
            raise _OutsideError
        counts = [int(count) for count in (found.group(1), found.group(3)) if count]
        if any(count > _MOST_REPEATS for count in counts):
            raise _OutsideError
        return found.group()
