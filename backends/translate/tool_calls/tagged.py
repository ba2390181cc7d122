"""Calls whose parameters stand between tags: the families Qwen3-Coder, MiniMax and GLM. Pure.

    <tool_call><function=NAME><parameter=KEY>VALUE</parameter>…</function></tool_call>
    <minimax:tool_call><invoke name="NAME"><parameter name="KEY">VALUE</parameter>…</invoke></minimax:tool_call>
    <tool_call>NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value>…</tool_call>

Values are plain text: text parameters go out while they grow, the others when they are complete, as JSON where they are
JSON and as a string where not. Outer tags are optional: models forget them.
"""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct

from backends.translate.held import held_length
from backends.translate.tool_calls.deltas import Delta, Text, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.offered import Offered

_LONGEST_NAME = 256


class Tags(Struct, frozen=True, kw_only=True):
    """How a family writes a call. ``outer`` tags stand around one or more calls and mean nothing.

    A name ends with ``name_end``, or where a parameter or the call's own end begins; a key with ``key_end``, after
    which ``value`` may have to follow. ``lines``: a value stands on lines of its own.
    """

    outer: tuple[str, str] | None = None
    function: str
    name_end: str
    function_end: str
    parameter: str
    key_end: str
    value: str = ""
    value_end: str
    lines: bool = False


QWEN3_CODER = Tags(
    outer=("<tool_call>", "</tool_call>"), function="<function=", name_end=">", function_end="</function>",
    parameter="<parameter=", key_end=">", value_end="</parameter>", lines=True,
)  # fmt: skip
MINIMAX = Tags(
    outer=("<minimax:tool_call>", "</minimax:tool_call>"), function='<invoke name="', name_end='">',
    function_end="</invoke>", parameter='<parameter name="', key_end='">', value_end="</parameter>",
)  # fmt: skip
GLM = Tags(
    function="<tool_call>", name_end="\n", function_end="</tool_call>", parameter="<arg_key>", key_end="</arg_key>",
    value="<arg_value>", value_end="</arg_value>",
)  # fmt: skip


class TaggedParser:
    """One answer. Feeding the same text in other pieces gives the same calls and the same text."""

    def __init__(self, tags: Tags, offered: Offered, new_id: Callable[[], str]) -> None:
        self._tags, self._offered, self._new_id = tags, offered, new_id
        self._state: Literal["text", "name", "parameters", "key", "value", "after"] = "text"
        self._held: str = ""
        self._unclaimed: str = ""
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
        opening = self._tags.function
        at = self._held.find(opening)
        if at < 0:
            self._show_certain(deltas)
            return False
        words = self._held[:at]
        before = self._without_outer(words.rstrip())
        self._show(deltas, before)
        self._unclaimed = words[len(before) :] + opening
        self._held = self._held[at + len(opening) :]
        self._state = "name"
        return True

    def _without_outer(self, words: str) -> str:
        outer = self._tags.outer
        return words[: -len(outer[0])].rstrip() if outer is not None and words.endswith(outer[0]) else words

    def _show_certain(self, deltas: list[Delta]) -> None:
        """All but white space, an opening tag and what may become one."""
        marks = (self._tags.function, *(self._tags.outer or ())[:1])
        words = self._without_outer(self._held[: len(self._held) - held_length(self._held, marks)].rstrip())
        self._show(deltas, words)
        self._held = self._held[len(words) :]

    def _read_name(self, deltas: list[Delta]) -> bool:
        tags = self._tags
        marks = (tags.name_end, tags.parameter, tags.function_end)
        ends = [(at, mark) for mark in marks if (at := self._held.find(mark)) >= 0]
        at, mark = min(ends, default=(-1, ""))
        name = (self._held if at < 0 else self._held[:at]).strip()
        if at < 0 and len(name) <= _LONGEST_NAME and "\n" not in name:
            return False
        if at < 0 or name not in self._offered:
            self._show(deltas, self._unclaimed)
            self._unclaimed, self._state = "", "text"
            return True
        deltas.append(ToolCallStart(self._calls, self._new_id(), name))
        self._name, self._keys = name, 0
        self._held = self._held[at + (len(mark) if mark == tags.name_end else 0) :]
        self._unclaimed, self._state = "", "parameters"
        return True

    def _read_parameters(self, deltas: list[Delta]) -> bool:
        self._held = self._held.lstrip()
        tags = self._tags
        if self._held.startswith(tags.parameter):
            self._held = self._held[len(tags.parameter) :]
            self._state = "key"
            return True
        if any(tag.startswith(self._held) for tag in (tags.parameter, tags.function_end)):
            return False
        self._held = self._held.removeprefix(tags.function_end)
        self._close(deltas)
        self._state = "after"
        return True

    def _read_key(self, deltas: list[Delta]) -> bool:
        key, found, rest = self._held.partition(self._tags.key_end)
        if self._tags.value and found:
            _, found, rest = rest.partition(self._tags.value)
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
        closing = self._tags.value_end
        end = self._held.find(closing)
        if end >= 0:
            value = self._held[:end]
            self._held = self._held[end + len(closing) :]
            self._value(deltas, value.removesuffix("\n"), last=True)
            self._state = "parameters"
            return True
        if self._streams:
            certain = len(self._held) - held_length(self._held, ("\n" + closing, closing))
            self._value(deltas, self._held[:certain], last=False)
            self._held = self._held[certain:]
        return False

    def _read_after(self) -> bool:
        bare = self._held.lstrip()
        closing = "" if self._tags.outer is None else self._tags.outer[1]
        if closing and bare.startswith(closing):
            self._held = bare[len(closing) :]
            return True
        if closing and closing.startswith(bare):
            return False
        if not bare:
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
