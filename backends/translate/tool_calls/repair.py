"""JSON that a model wrote nearly right, made right where nothing has to be guessed. Pure, and fed as it grows.

Mended: line breaks and tabs inside strings, backslashes that escape nothing, commas before a closing bracket, Python's
``True``, ``False`` and ``None``, brackets that are missing at the end. What is JSON stays as it is, byte for byte; what
is wrong in another way stays wrong, so that who called hears of it.
"""

import re

_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_ESCAPES = frozenset('"\\/bfnrtu')
_WORDS = {"True": "true", "False": "false", "None": "null"}
_LETTER = re.compile(r"[A-Za-z]")
_SPACE = frozenset(" \t\r\n")
_CLOSES = {"{": "}", "[": "]"}
_PENDING = 64
"""Characters after a comma, or of a word, that may wait for what follows."""


class ArgumentsRepair:
    """Of one call. ``feed`` gives what can go out now, ``finish`` the rest."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._in_string = False
        self._escaped = False
        self._word = ""
        self._comma = ""

    def feed(self, text: str) -> str:
        return "".join(map(self._take, text))

    def finish(self, *, whole: bool) -> str:
        """``whole``: the model ended its answer itself, so that only brackets can be missing."""
        rest = self._release_word() + ("\\" if self._escaped else "")
        if not whole or self._in_string or not self._open:
            return rest + self._release_comma()
        self._comma = ""
        closing = "".join(_CLOSES[bracket] for bracket in reversed(self._open))
        self._open.clear()
        return rest + closing

    def _take(self, char: str) -> str:
        if self._in_string:
            return self._string(char)
        if _LETTER.match(char) and len(self._word) < _PENDING:
            self._word += char
            return ""
        return self._release_word() + self._outside(char)

    def _string(self, char: str) -> str:
        if self._escaped:
            self._escaped = False
            if char in _ESCAPES:
                return "\\" + char
            if char == "'":
                return char
            return "\\\\" + _CONTROL.get(char, char)
        if char == "\\":
            self._escaped = True
            return ""
        if char == '"':
            self._in_string = False
        return _CONTROL.get(char, char)

    def _outside(self, char: str) -> str:
        if self._comma and char in _SPACE and len(self._comma) < _PENDING:
            self._comma += char
            return ""
        if char == ",":
            before, self._comma = self._release_comma(), char
            return before
        if char in "}]":
            before = self._comma[1:]  # the comma is dropped, the space after it is not
            self._comma = ""
            if self._open:
                self._open.pop()
            return before + char
        before = self._release_comma()
        if char == '"':
            self._in_string = True
        elif char in "{[":
            self._open.append(char)
        return before + char

    def _release_comma(self) -> str:
        comma, self._comma = self._comma, ""
        return comma

    def _release_word(self) -> str:
        if not self._word:
            return ""
        word, self._word = self._word, ""
        return self._release_comma() + _WORDS.get(word, word)
