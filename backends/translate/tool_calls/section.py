"""Calls as JSON objects in a marked section of the answer: the families Hermes, Llama 3, Mistral and plain JSON. Pure.

A section begins at a marker (or at a bare object, where the family allows it) and holds objects between separators.
Text that turns out not to be a call is given out as text, marker included.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from backends.translate.held import held_length
from backends.translate.tool_calls.deltas import Delta, Text
from backends.translate.tool_calls.json_call import JsonCall
from backends.translate.tool_calls.named_call import NamedCall
from backends.translate.tool_calls.offered import Offered

_BETWEEN = " \t\r\n,;[]"


class Marks(Struct, frozen=True, kw_only=True):
    """How a family marks its calls.

    ``bare``: an answer that begins with ``{`` or ``[`` is a section. ``named``: inside a section a call may also be
    ``name[ARGS]{…}``.
    """

    opening: tuple[str, ...]
    closing: tuple[str, ...] = ()
    bare: bool = False
    named: bool = False


class SectionParser:
    """One answer. Feeding the same text in other pieces gives the same calls and the same text."""

    def __init__(self, marks: Marks, offered: Offered, new_id: Callable[[], str]) -> None:
        self._marks, self._offered, self._new_id = marks, offered, new_id
        self._state: Literal["start", "text", "between", "call"] = "start"
        self._held = ""
        self._unclaimed = ""
        self._call: JsonCall | NamedCall | None = None
        self._calls = 0
        self._claimed = False
        self._trims = False

    def feed(self, text: str) -> list[Delta]:
        """Take more text; return what is certain now."""
        self._held += text
        deltas: list[Delta] = []
        while self._step(deltas):
            pass
        return deltas

    def finish(self) -> list[Delta]:
        """Nothing follows: what is not a call comes out as text."""
        deltas: list[Delta] = []
        if self._call is not None:
            self._call.finish()
            self._end_call(deltas, self._call)
        if not (self._state == "between" and self._claimed):
            self._show(deltas, self._unclaimed + self._held)
        self._held = self._unclaimed = ""
        return deltas

    def _step(self, deltas: list[Delta]) -> bool:
        match self._state:
            case "start":
                return self._start()
            case "text":
                return self._read_text(deltas)
            case "between":
                return self._read_between(deltas)
            case "call":
                return self._read_call(deltas)

    def _start(self) -> bool:
        bare = self._held.lstrip()
        if not bare:
            return False
        if self._marks.bare and bare[0] in "{[" and not bare.startswith(self._marks.opening):
            if any(mark.startswith(bare) for mark in self._marks.opening):
                return False
            self._state = "between"
        else:
            self._state = "text"
        return True

    def _read_text(self, deltas: list[Delta]) -> bool:
        if self._trims:
            self._held = self._held.lstrip()
            self._trims = not self._held
        found = [(at, mark) for mark in self._marks.opening if (at := self._held.find(mark)) >= 0]
        if found:
            at, mark = min(found)
            words = self._held[:at]
            self._show(deltas, words.rstrip())
            self._unclaimed = words[len(words.rstrip()) :] + mark
            self._held = self._held[at + len(mark) :]
            self._state = "between"
            return True
        certain = self._held[: len(self._held) - held_length(self._held, self._marks.opening)].rstrip()
        self._show(deltas, certain)
        self._held = self._held[len(certain) :]
        return False

    def _read_between(self, deltas: list[Delta]) -> bool:
        marks = (*self._marks.closing, *self._marks.opening)
        for at, char in enumerate(self._held):
            rest = self._held[at:]
            if any(mark.startswith(rest) and mark != rest for mark in marks):
                self._claim(at)
                return False
            mark = next((mark for mark in marks if rest.startswith(mark)), None)
            if mark is not None:
                self._claim(at + len(mark))
                if mark in self._marks.closing:
                    self._leave(deltas)
                return True
            if char not in _BETWEEN:
                self._claim(at)
                self._begin(deltas, char)
                return True
        self._claim(len(self._held))
        return False

    def _claim(self, count: int) -> None:
        """These characters are marks and separators, or text when no call follows."""
        self._unclaimed += self._held[:count]
        self._held = self._held[count:]

    def _begin(self, deltas: list[Delta], char: str) -> None:
        if char == "{":
            self._call = JsonCall(self._offered, self._calls, self._new_id())
        elif self._marks.named and (char.isalnum() or char == "_"):
            self._call = NamedCall(self._offered, self._calls, self._new_id())
        else:
            self._leave(deltas)
            return
        self._state = "call"

    def _leave(self, deltas: list[Delta]) -> None:
        """The section ends. Its marks mean nothing to the user unless there was no call in it."""
        if not self._claimed:
            self._show(deltas, self._unclaimed)
        self._trims = self._claimed
        self._claimed, self._unclaimed = False, ""
        self._state = "text"

    def _read_call(self, deltas: list[Delta]) -> bool:
        call = self._call
        assert call is not None
        more, self._held = call.feed(self._held)
        deltas += more
        if call.state == "open":
            return False
        self._end_call(deltas, call)
        return True

    def _end_call(self, deltas: list[Delta], call: JsonCall | NamedCall) -> None:
        if call.state == "refused":
            self._show(deltas, self._unclaimed + call.raw)
            self._state, self._claimed = "text", False
        else:
            self._calls += 1
            self._state, self._claimed = "between", True
        self._call, self._unclaimed = None, ""

    def _show(self, deltas: list[Delta], text: str) -> None:
        if text:
            deltas.append(Text(text))
