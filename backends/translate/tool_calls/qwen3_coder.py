"""Qwen3-Coder's calls: ``<tool_call><function=NAME><parameter=KEY>VALUE</parameter>…</function></tool_call>``. Pure.

Values are plain text between tags: text parameters go out while they grow, the others when they are complete, as JSON
where they are JSON and as a string where not. The outer tags are optional: models forget them.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from backends.translate.held import held_length
from backends.translate.tool_calls.deltas import Delta, Text, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.offered import Offered

_CALL, _CALL_END = "<tool_call>", "</tool_call>"
_FUNCTION, _FUNCTION_END = "<function=", "</function>"
_PARAMETER, _PARAMETER_END = "<parameter=", "</parameter>"
_VALUE_ENDS = ("\n" + _PARAMETER_END, _PARAMETER_END)
_LONGEST_NAME = 256


class Qwen3CoderParser:
    """One answer. Feeding the same text in other pieces gives the same calls and the same text."""

    def __init__(self, offered: Offered, new_id: Callable[[], str]) -> None:
        self._offered, self._new_id = offered, new_id
        self._state: Literal["text", "name", "parameters", "key", "value", "after"] = "text"
        self._held = ""
        self._unclaimed = ""
        self._calls = 0
        self._name = ""
        self._keys = 0
        self._streams = False
        self._value_begun = False

    def feed(self, text: str) -> list[Delta]:
        """Take more text; return what is certain now."""
        self._held += text
        deltas: list[Delta] = []
        while self._step(deltas):
            pass
        return deltas

    def finish(self) -> list[Delta]:
        """Nothing follows. A call that was begun stays as far as it came."""
        deltas: list[Delta] = []
        if self._state in ("text", "name"):
            self._show(deltas, self._unclaimed + self._held)
        elif self._state == "value" and self._streams:
            self._value(deltas, self._held, last=False)
        elif self._state == "parameters":
            self._close(deltas)
        self._held = self._unclaimed = ""
        return deltas

    def _step(self, deltas: list[Delta]) -> bool:
        match self._state:
            case "text":
                return self._read_text(deltas)
            case "name":
                return self._read_name(deltas)
            case "parameters":
                return self._read_parameters(deltas)
            case "key":
                return self._read_key(deltas)
            case "value":
                return self._read_value(deltas)
            case "after":
                return self._read_after()

    def _read_text(self, deltas: list[Delta]) -> bool:
        at = self._held.find(_FUNCTION)
        if at < 0:
            self._show_certain(deltas)
            return False
        words = self._held[:at]
        before = words.rstrip()
        if before.endswith(_CALL):
            before = before[: -len(_CALL)].rstrip()
        self._show(deltas, before)
        self._unclaimed = words[len(before) :] + _FUNCTION
        self._held = self._held[at + len(_FUNCTION) :]
        self._state = "name"
        return True

    def _show_certain(self, deltas: list[Delta]) -> None:
        """All but white space, an opening tag and what may become one."""
        words = self._held[: len(self._held) - held_length(self._held, (_CALL, _FUNCTION))].rstrip()
        if words.endswith(_CALL):
            words = words[: -len(_CALL)].rstrip()
        self._show(deltas, words)
        self._held = self._held[len(words) :]

    def _read_name(self, deltas: list[Delta]) -> bool:
        name, found, rest = self._held.partition(">")
        if not found and len(name) <= _LONGEST_NAME and "\n" not in name:
            return False
        if not found or name not in self._offered:
            self._show(deltas, self._unclaimed)
            self._unclaimed, self._state = "", "text"
            return True
        deltas.append(ToolCallStart(self._calls, self._new_id(), name))
        self._name, self._held, self._keys = name, rest, 0
        self._unclaimed, self._state = "", "parameters"
        return True

    def _read_parameters(self, deltas: list[Delta]) -> bool:
        self._held = self._held.lstrip()
        if self._held.startswith(_PARAMETER):
            self._held = self._held[len(_PARAMETER) :]
            self._state = "key"
            return True
        if any(tag.startswith(self._held) for tag in (_PARAMETER, _FUNCTION_END)):
            return False
        self._held = self._held.removeprefix(_FUNCTION_END)
        self._close(deltas)
        self._state = "after"
        return True

    def _read_key(self, deltas: list[Delta]) -> bool:
        key, found, rest = self._held.partition(">")
        if not found:
            return False
        self._streams = self._offered.is_text(self._name, key)
        opened = ("{" if self._keys == 0 else ", ") + _json(key) + ": " + ('"' if self._streams else "")
        self._arguments(deltas, opened)
        self._keys += 1
        self._held, self._value_begun, self._state = rest, False, "value"
        return True

    def _read_value(self, deltas: list[Delta]) -> bool:
        if not self._value_begun:
            if not self._held:
                return False
            self._held = self._held.removeprefix("\n")
            self._value_begun = True
        end = self._held.find(_PARAMETER_END)
        if end >= 0:
            value = self._held[:end]
            self._held = self._held[end + len(_PARAMETER_END) :]
            self._value(deltas, value.removesuffix("\n"), last=True)
            self._state = "parameters"
            return True
        if self._streams:
            certain = len(self._held) - held_length(self._held, _VALUE_ENDS)
            self._value(deltas, self._held[:certain], last=False)
            self._held = self._held[certain:]
        return False

    def _read_after(self) -> bool:
        bare = self._held.lstrip()
        if bare.startswith(_CALL_END):
            self._held = bare[len(_CALL_END) :]
            return True
        if _CALL_END.startswith(bare):
            return False
        self._held = bare
        self._state = "text"
        return True

    def _value(self, deltas: list[Delta], text: str, *, last: bool) -> None:
        if self._streams:
            self._arguments(deltas, _json(text)[1:-1] + ('"' if last else ""))
        else:
            self._arguments(deltas, _as_json(text))

    def _close(self, deltas: list[Delta]) -> None:
        self._arguments(deltas, "{}" if self._keys == 0 else "}")
        self._calls += 1

    def _arguments(self, deltas: list[Delta], text: str) -> None:
        if text:
            deltas.append(ToolCallArguments(self._calls, text))

    def _show(self, deltas: list[Delta], text: str) -> None:
        if text:
            deltas.append(Text(text))


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _as_json(text: str) -> str:
    """A value as it stands when it is JSON (Python's spelling of constants included), else as a string."""
    text = {"True": "true", "False": "false", "None": "null"}.get(text.strip(), text.strip())
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _json(text)
    return text
