"""One YAML file's bytes as a typed document with the tree that knows its lines, or all its mistakes. Reads no disk."""

from typing import TypeVar

from msgspec import Struct

from gateway.catalog.nodes import Node, read_yaml
from gateway.catalog.problem import Problem
from gateway.catalog.scalars import YamlError
from gateway.catalog.shape import convert

MAX_PROBLEMS = 100
T = TypeVar("T", bound=Struct)


def parsed(path: str, data: bytes, kind: type[T]) -> tuple[Node | None, T | None, list[Problem]]:
    """The tree and the ``kind`` in it; without the latter, why not. Cross-checks are not done yet."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        column = e.start - (data.rfind(b"\n", 0, e.start) + 1) + 1
        return None, None, [_at(path, "not UTF-8 text", line=line, column=column)]
    try:
        root, problems = read_yaml(path, text)
    except YamlError as e:
        return None, None, [_at(path, e.message, e.hint, line=e.line, column=e.column)]
    found, wrong = convert(path, root, kind)
    problems += wrong
    if found is None or root is None or problems:
        return None, None, _shortened(problems)
    return root, found, []


def _shortened(problems: list[Problem]) -> list[Problem]:
    """At most ``MAX_PROBLEMS``: a file of another kind would otherwise fill the log with one line a key."""
    more = len(problems) - MAX_PROBLEMS
    if more <= 0:
        return problems
    last = problems[MAX_PROBLEMS]
    return [*problems[:MAX_PROBLEMS], _at(last.path, f"and {more} more problems", line=last.line, column=last.column)]


def _at(path: str, message: str, hint: str = "", *, line: int = 1, column: int = 1) -> Problem:
    return Problem(path=path, line=line, column=column, where="", message=message, hint=hint)
