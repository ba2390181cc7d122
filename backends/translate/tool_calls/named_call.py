"""One call written as ``name[ARGS]{…}`` or ``name[CALL_ID]id[ARGS]{…}`` (newer Mistral models). Pure."""

from typing import Literal

from backends.translate.tool_calls.deltas import Delta, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.json_scan import JsonScan
from backends.translate.tool_calls.offered import Offered

_ARGUMENTS = "[ARGS]"
_IDENTITY = "[CALL_ID]"
_LONGEST_HEAD = 256


class NamedCall:
    """Same contract as ``JsonCall``."""

    def __init__(self, offered: Offered, index: int, identity: str) -> None:
        self.state: Literal["open", "done", "refused"] = "open"
        self.raw = ""
        self._offered, self._index, self._id = offered, index, identity
        self._scan: JsonScan | None = None

    def feed(self, text: str) -> tuple[list[Delta], str]:
        """Take characters until the call ends; return the deltas and the text that does not belong to it."""
        if self._scan is not None:
            return self._arguments(text, self._scan)
        self.raw += text
        head, found, rest = self.raw.partition(_ARGUMENTS)
        rest = rest.lstrip()
        if found and not rest:
            return [], ""
        name, _, identity = head.strip().partition(_IDENTITY)
        if not found or name not in self._offered or rest[0] != "{":
            if found or len(head) > _LONGEST_HEAD or "\n" in head:
                self.state = "refused"
            return [], ""
        self._scan = JsonScan()
        start = ToolCallStart(self._index, identity or self._id, name)
        deltas, left = self._arguments(rest, self._scan)
        return [start, *deltas], left

    def finish(self) -> None:
        """Nothing follows."""
        if self.state == "open":
            self.state = "refused" if self._scan is None else "done"

    def _arguments(self, text: str, scan: JsonScan) -> tuple[list[Delta], str]:
        at = 0
        while at < len(text) and scan.state == "open":
            if not scan.take(text[at]):
                break
            at += 1
        if scan.state != "open":
            self.state = "done"
        taken, rest = text[:at], text[at:]
        return [ToolCallArguments(self._index, taken)] if taken else [], rest
