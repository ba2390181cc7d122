"""The free text inside the arguments of the function that stands for a free-text tool, while they grow.

The text is given as soon as it is certain, so that a long patch streams. Arguments of another form come back whole at
the end: a model's mistake is shown, not hidden. Pieces do not matter.
"""

import re
from typing import Literal

import msgspec
from msgspec import Struct

_HEAD = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_BARE_HEAD = '{"input":"'
_BLANK = re.compile(r"\s")
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ALONE = r"(?=[^\\]|\\[^u]|\\u(?:[^dD]|[dD][^c-fC-F]))"
_BROKEN = r"\\u(?=[0-9a-fA-F]{0,3}[^0-9a-fA-F])"
_WHOLE = re.compile(
    rf'(?:[^"\\]+|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{{4}}|{_HIGH}{_LOW}|{_HIGH}{_ALONE}|{_BROKEN})*', re.DOTALL
)
_ESCAPE = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\(.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_PAIR = len(r"\ud800\udc00")


class _Arguments(Struct, frozen=True, kw_only=True):
    input: str


_arguments = msgspec.json.Decoder(_Arguments)


class FreeText:
    """Fed with arguments, gives the text."""

    def __init__(self) -> None:
        self._state: Literal["head", "text", "over", "other"] = "head"
        self._held = ""

    def feed(self, fragment: str) -> str:
        """The text that is certain now."""
        if self._state == "over":
            return ""
        self._held += fragment
        if self._state == "head":
            self._read_head()
        return self._read_text() if self._state == "text" else ""

    def finish(self) -> str:
        """The rest, when nothing follows. Half an escape at the end of cut arguments is lost."""
        if self._state in ("text", "over"):
            return ""
        try:
            return _arguments.decode(self._held).input
        except (msgspec.DecodeError, RecursionError):
            return self._held

    def _read_head(self) -> None:
        head = _HEAD.match(self._held)
        if head is not None:
            self._state, self._held = "text", self._held[head.end() :]
            return
        bare = _BLANK.sub("", self._held[: 1 << 10])
        if len(bare) >= len(_BARE_HEAD) or not _BARE_HEAD.startswith(bare):
            self._state = "other"

    def _read_text(self) -> str:
        texts: list[str] = []
        while True:
            found = _WHOLE.match(self._held)
            end = found.end() if found else 0
            texts.append(_plain(self._held[:end]))
            self._held = self._held[end:]
            if self._held.startswith('"'):
                self._state, self._held = "over", ""
                break
            if len(self._held) < _PAIR:
                break
            texts.append("\ufffd")  # an escape that no continuation can complete
            self._held = self._held[2:]
        return "".join(texts)


def free_text(arguments: str) -> str:
    """The free text of whole arguments."""
    text = FreeText()
    return text.feed(arguments) + text.finish()


def _plain(text: str) -> str:
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _unescape(found: re.Match[str]) -> str:
    codes, letter = found.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    units = bytes.fromhex(codes.replace("\\u", ""))
    return units.decode("utf-16-be", "replace")
