"""One call written as ``{"name": …, "arguments": {…}}``, read while it grows. Pure.

The arguments go out as the model writes them as soon as the name is known to be offered. A call that is refused before
that (another shape, a name that was not offered) gives its text back; one that breaks later stays as it was written.
"""

from typing import Literal

import msgspec

from backends.translate.tool_calls.deltas import Delta, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.json_scan import JsonScan
from backends.translate.tool_calls.offered import Offered

_ARGUMENTS = frozenset({"arguments", "parameters"})


class JsonCall:
    """``state``: ``open`` while it grows; ``done``; ``refused`` (``raw`` is the text to show instead)."""

    def __init__(self, offered: Offered, index: int, identity: str) -> None:
        self.state: Literal["open", "done", "refused"] = "open"
        self.raw = ""
        self._offered, self._index, self._id = offered, index, identity
        self._scan = JsonScan()
        self._key: str | None = None
        self._reads_key = True
        self._begin = 0
        self._name: str | None = None
        self._arguments: tuple[int, int | None] | None = None
        self._sent: int | None = None
        self._text_arguments: str | None = None

    @property
    def started(self) -> bool:
        return self._name is not None and self._arguments is not None

    def feed(self, text: str) -> tuple[list[Delta], str]:
        """Take characters until the call ends; return the deltas and the text that does not belong to the call."""
        begin, at = len(self.raw), 0
        self.raw += text
        while at < len(text) and self.state == "open":
            if not self._take(text[at], begin + at):
                self.state = "done" if self.started else "refused"
                break
            at += 1
        rest = text[at:]
        self.raw = self.raw[: begin + at]
        deltas = self._deltas()
        return deltas, rest

    def finish(self) -> None:
        """Nothing follows: an open call that was not started is refused."""
        if self.state == "open":
            self.state = "done" if self.started else "refused"

    def _take(self, char: str, at: int) -> bool:
        scan = self._scan
        depth, quoted = scan.depth, scan.in_string
        if not scan.take(char) or (at == 0 and char != "{"):
            return False
        if depth == 1 and not quoted and scan.in_string:
            self._begin = at
        elif depth == 1 and quoted and not scan.in_string:
            return self._string_ended(self.raw[self._begin : at + 1])
        elif quoted:
            return True
        elif depth == 1 and char == "{" and self._key in _ARGUMENTS:
            self._arguments = (at, None)
        elif depth == 1 and char == "[" and self._key in _ARGUMENTS:
            return False
        elif depth == 1 and char == ",":
            self._reads_key, self._key = True, None
        elif scan.depth == 1 and depth == 2 and self._arguments is not None and self._arguments[1] is None:
            self._arguments = (self._arguments[0], at + 1)
        if scan.state == "done":
            return self._ended()
        return True

    def _string_ended(self, quoted: str) -> bool:
        try:
            value = msgspec.json.decode(quoted, type=str)
        except msgspec.DecodeError:
            return False
        if self._reads_key:
            self._key, self._reads_key = value, False
        elif self._key == "name":
            self._name = value
            return value in self._offered
        elif self._key in _ARGUMENTS:
            self._text_arguments = value
        return True

    def _ended(self) -> bool:
        self.state = "done" if self._name is not None else "refused"
        return True

    def _deltas(self) -> list[Delta]:
        if self._name is None or self.state == "refused":
            return []
        deltas: list[Delta] = []
        if self._sent is None and (self._arguments is not None or self.state == "done"):
            deltas.append(ToolCallStart(self._index, self._id, self._name))
            self._sent = self._arguments[0] if self._arguments is not None else len(self.raw)
            if self._arguments is None:
                deltas.append(ToolCallArguments(self._index, self._text_arguments or "{}"))
        if self._sent is not None and self._arguments is not None:
            end = self._arguments[1] or len(self.raw)
            if end > self._sent:
                deltas.append(ToolCallArguments(self._index, self.raw[self._sent : end]))
                self._sent = end
        return deltas
