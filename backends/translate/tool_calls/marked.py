"""Calls as a name and a JSON object between marks: the families Kimi, DeepSeek and Functionary. Pure.

    <|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{…}<|tool_call_end|>
    <｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{…}<｜tool▁call▁end｜>
    <function=NAME>{…}</function>

Older DeepSeek writes ``function<｜tool▁sep｜>NAME`` and a block of JSON; newer Functionary ``>>>NAME``, a line and
``{…}``, and its words behind ``>>>all``.

Arguments go out as the model writes them. A name that was not offered gives its text back.
"""

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from backends.translate.held import held_length
from backends.translate.tool_calls.deltas import Delta, Text, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.json_scan import JsonScan
from backends.translate.tool_calls.offered import Offered

_LONGEST_HEAD = 256


class Spelling(Struct, frozen=True, kw_only=True):
    """``silent`` marks mean nothing and are dropped. ``name`` finds it in what stands between ``call`` and the object.

    ``head`` is what it may be while it is incomplete. ``to_all``: the name that stands for no call; what follows are
    words. ``begins``: an answer begins behind ``call``.
    """

    call: str
    name: re.Pattern[str]
    head: re.Pattern[str] = re.compile(r"[\w.:|<>｜▁`\s-]*")
    silent: tuple[str, ...] = ()
    to_all: str | None = None
    begins: bool = False


KIMI = Spelling(
    call="<|tool_call_begin|>",
    name=re.compile(r"\s*(?:functions\.)?(?P<name>[\w.-]+?)(?::\d+)?\s*<\|tool_call_argument_begin\|>\s*"),
    silent=("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_end|>"),
)
DEEPSEEK = Spelling(
    call="<｜tool▁call▁begin｜>",
    name=re.compile(
        r"\s*(?:function<｜tool▁sep｜>(?P<old>[\w.-]+)\s*```json\s*|(?!function<)(?P<name>[\w.-]+)<｜tool▁sep｜>\s*)"
    ),
    silent=("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁end｜>", "```<｜tool▁call▁end｜>"),
)
FUNCTIONARY = Spelling(call="<function=", name=re.compile(r"(?P<name>[\w.-]+)>\s*"), silent=("</function>",))
FUNCTIONARY_LINES = Spelling(
    call=">>>",
    name=re.compile(r"(?P<name>[\w.-]+)\n\s*"),
    head=re.compile(r"[\w.-]*(?:\n\s*)?"),
    to_all="all",
    begins=True,
)


class MarkedParser:
    """One answer. Feeding the same text in other pieces gives the same calls and the same text."""

    def __init__(self, spelling: Spelling, offered: Offered, new_id: Callable[[], str]) -> None:
        self._spelling, self._offered, self._new_id = spelling, offered, new_id
        self._marks: tuple[str, ...] = (spelling.call, *spelling.silent)
        self._state: Literal["text", "head", "arguments"] = "head" if spelling.begins else "text"
        self._held: str = ""
        self._unclaimed: str = ""
        self._calls = 0
        self._after_call = False
        self._scan = JsonScan()

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
        if self._state != "arguments":
            rest = self._unclaimed + self._held
            self._show(deltas, rest.strip() if self._after_call else rest)
        self._held = self._unclaimed = ""
        return deltas

    def _step(self, deltas: list[Delta]) -> bool:
        match self._state:
            case "text":
                return self._read_text(deltas)
            case "head":
                return self._read_head(deltas)
            case "arguments":
                return self._read_arguments(deltas)

    def _read_text(self, deltas: list[Delta]) -> bool:
        if self._after_call:
            self._held = self._held.lstrip()
        found = [(at, -len(mark), mark) for mark in self._marks if (at := self._held.find(mark)) >= 0]
        held = held_length(self._held, self._marks)
        if found and min(found)[0] <= len(self._held) - held:
            at, _, mark = min(found)
            before = self._held[:at].rstrip()
            self._show_after_marks(deltas, before)
            claimed = self._held[len(before) : at] + mark
            self._held = self._held[at + len(mark) :]
            if mark == self._spelling.call:
                self._unclaimed, self._state = self._unclaimed + claimed, "head"
            elif not self._after_call:
                self._unclaimed += claimed  # if no call follows, it was text
            return True
        certain = self._held[: len(self._held) - held].rstrip()
        self._show_after_marks(deltas, certain)
        self._held = self._held[len(certain) :]
        return False

    def _show_after_marks(self, deltas: list[Delta], text: str) -> None:
        if text:
            self._show(deltas, self._unclaimed + text)
            self._unclaimed = ""

    def _read_head(self, deltas: list[Delta]) -> bool:
        found = self._spelling.name.match(self._held)
        if found is not None and found.end() == len(self._held):
            return False  # what follows decides how much of it is blank
        groups: tuple[str | None, ...] = () if found is None else found.groups()
        name = next((each for each in groups if each), None)
        if found is not None and name == self._spelling.to_all:
            self._held, self._unclaimed, self._state = self._held[found.end() :], "", "text"
            return True
        if found is None or name is None or name not in self._offered or self._held[found.end()] != "{":
            if found is None and len(self._held) <= _LONGEST_HEAD and self._spelling.head.fullmatch(self._held):
                return False
            self._show(deltas, self._unclaimed)
            self._unclaimed, self._state, self._after_call = "", "text", False
            return True
        deltas.append(ToolCallStart(self._calls, self._new_id(), name))
        self._held, self._unclaimed = self._held[found.end() :], ""
        self._scan, self._state = JsonScan(), "arguments"
        return True

    def _read_arguments(self, deltas: list[Delta]) -> bool:
        at = 0
        while at < len(self._held) and self._scan.state == "open":
            if not self._scan.take(self._held[at]):
                break
            at += 1
        if at:
            deltas.append(ToolCallArguments(self._calls, self._held[:at]))
        self._held = self._held[at:]
        if self._scan.state == "open":
            return False
        self._calls += 1
        self._after_call, self._state = True, "text"
        return True

    def _show(self, deltas: list[Delta], text: str) -> None:
        if text:
            self._after_call = False
            deltas.append(Text(text))
