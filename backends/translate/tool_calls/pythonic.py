"""Calls written as Python: ``[weather(city="Paris"), time()]``, or in a block ``tool_code`` (Gemma, Llama 4). Pure.

Nothing is run: a block or a list is parsed when it is complete, and its arguments must be literals. What is no call of
an offered tool comes out as text.
"""

import ast
from collections.abc import Callable
from typing import Literal

import msgspec

from backends.translate.held import held_length
from backends.translate.tool_calls.deltas import Delta, Text, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.offered import Offered

_FENCES = ("```tool_code", "```python")
_CLOSING = "```"
_CONSTANTS = {"true": True, "false": False, "null": None}
_MOST_TEXT = 100_000
_DEPTH = 20


class PythonicParser:
    """One answer. Feeding the same text in other pieces gives the same calls and the same text."""

    def __init__(self, offered: Offered, new_id: Callable[[], str]) -> None:
        self._offered, self._new_id = offered, new_id
        self._state: Literal["start", "text", "fenced", "list"] = "start"
        self._held: str = ""
        self._fence: str = ""
        self._calls = 0
        self._trims = False

    def feed(self, text: str) -> list[Delta]:
        """Take more text; return what is certain now."""
        self._held += text
        deltas: list[Delta] = []
        while self._step(deltas):
            pass
        return deltas

    def finish(self) -> list[Delta]:
        """Nothing follows."""
        deltas: list[Delta] = []
        if self._state in ("list", "fenced") and self._called(deltas, self._held):
            self._held = self._fence = ""
        self._show(deltas, self._fence + self._held)
        self._held = self._fence = ""
        return deltas

    def _step(self, deltas: list[Delta]) -> bool:
        match self._state:
            case "start":
                return self._start()
            case "text":
                return self._read_text(deltas)
            case "fenced":
                return self._read_fenced(deltas)
            case "list":
                return self._read_list(deltas)

    def _start(self) -> bool:
        bare = self._held.lstrip()
        if not bare:
            return False
        self._state = "list" if bare[0] == "[" else "text"
        return True

    def _read_text(self, deltas: list[Delta]) -> bool:
        if self._trims:
            self._held = self._held.lstrip()
            self._trims = not self._held
        found = [(at, mark) for mark in _FENCES if (at := self._held.find(mark)) >= 0]
        if found:
            at, mark = min(found)
            before = self._held[:at].rstrip()
            self._show(deltas, before)
            self._fence = self._held[len(before) : at] + mark
            self._held = self._held[at + len(mark) :]
            self._state = "fenced"
            return True
        certain = self._held[: len(self._held) - held_length(self._held, _FENCES)].rstrip()
        self._show(deltas, certain)
        self._held = self._held[len(certain) :]
        return False

    def _read_fenced(self, deltas: list[Delta]) -> bool:
        code, found, rest = self._held.partition(_CLOSING)
        if not found and len(self._held) <= _MOST_TEXT:
            return False
        if found and self._called(deltas, code):
            self._held, self._trims = rest, True
        else:
            self._show(deltas, self._fence + code + found)
            self._held = rest
        self._fence, self._state = "", "text"
        return True

    def _read_list(self, deltas: list[Delta]) -> bool:
        """Until it parses: a bracket inside a string does not end it."""
        at = self._held.find("]")
        while at >= 0:
            if self._called(deltas, self._held[: at + 1]):
                self._held, self._trims = self._held[at + 1 :], True
                self._state = "text"
                return True
            at = self._held.find("]", at + 1)
        if not self._plausible() or len(self._held) > _MOST_TEXT:
            self._state = "text"
            return True
        return False

    def _plausible(self) -> bool:
        """Whether it may still become a list of calls of offered tools."""
        head = self._held.lstrip()[1:].lstrip()
        name, found, _ = head.partition("(")
        if found:
            return name.strip() in self._offered
        return any(each.startswith(name.strip()) for each in self._offered.parameters)

    def _called(self, deltas: list[Delta], code: str) -> bool:
        calls = calls_in(code.strip())
        if not calls or any(name not in self._offered for name, _ in calls):
            return False
        for name, arguments in calls:
            deltas.append(ToolCallStart(self._calls, self._new_id(), name))
            deltas.append(ToolCallArguments(self._calls, msgspec.json.encode(arguments).decode()))
            self._calls += 1
        return True

    def _show(self, deltas: list[Delta], text: str) -> None:
        if text:
            deltas.append(Text(text))


def calls_in(code: str) -> list[tuple[str, dict[str, object]]]:
    """Names and arguments of the calls that ``code`` is; empty when it is anything else."""
    try:
        tree = ast.parse(code)
        found: list[tuple[str, dict[str, object]]] = []
        for statement in tree.body:
            if not isinstance(statement, ast.Expr):
                return []
            listed = statement.value.elts if isinstance(statement.value, ast.List) else [statement.value]
            found += [_call(each) for each in listed]
        msgspec.json.encode(found)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return []
    return found


def _call(node: ast.expr) -> tuple[str, dict[str, object]]:
    """Raises ``ValueError`` for anything but a call with named literals; ``print(…)`` around it means nothing."""
    if not isinstance(node, ast.Call):
        raise ValueError("no call")  # noqa: TRY004 - whatever is wrong with the code is one error
    name = ast.unparse(node.func)
    if name == "print" and len(node.args) == 1 and not node.keywords:
        return _call(node.args[0])
    if node.args or any(keyword.arg is None for keyword in node.keywords):
        raise ValueError("arguments without names")
    return name, {str(keyword.arg): _value(keyword.value, _DEPTH) for keyword in node.keywords}


def _value(node: ast.expr, depth: int) -> object:
    if depth == 0:
        raise ValueError("nested too deeply")
    match node:
        case ast.Constant(value=str() | int() | float() | bool() | None):
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name(id=word) if word in _CONSTANTS:
            return _CONSTANTS[word]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, depth - 1) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_key(key): _value(value, depth - 1) for key, value in zip(keys, values, strict=True)}
        case _:
            raise ValueError("no literal")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError("a key is text")
