"""Holds a YAML tree against the Structs of a profile and finds every mistake in one pass, each with its line.

msgspec stops at the first error, so this walks the declared types itself and asks msgspec about one leaf at a time;
the whole is converted by msgspec in the end, which stays the only judge of what is valid.
"""

import re
import types
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

from gateway.catalog.nodes import Mapping, Node, Scalar, Sequence, plain
from gateway.catalog.problem import Problem, did_you_mean, quoted

T = TypeVar("T", bound=Struct)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def convert(path: str, root: Node | None, kind: type[T]) -> tuple[T | None, list[Problem]]:
    """``root`` as a ``kind``, or ``None`` with every problem found."""
    if root is None:
        return None, [
            Problem(path=path, line=1, column=1, where="", message="empty file", hint="a profile is a mapping")
        ]
    walk = _Walk(path)
    walk.struct(root, kind, "")
    if walk.problems:
        return None, walk.problems
    try:
        return msgspec.convert(plain(root), kind), []
    except msgspec.ValidationError as e:
        message, where = split_path(str(e))
        walk.add(locate(root, where), where, message)
        return None, walk.problems


def locate(root: Node, where: str) -> Node:
    """The node at ``where`` (``variants[0].engine.slots``), or its closest ancestor that exists."""
    node = root
    for key, index in _STEP.findall("." + where if where and not where.startswith("[") else where):
        below: Node | None = None
        if key and isinstance(node, Mapping):
            below = node.get(key)
        elif index and isinstance(node, Sequence) and int(index) < len(node.items):
            below = node.items[int(index)]
        if below is None:
            return node
        node = below
    return node


def split_path(text: str) -> tuple[str, str]:
    """msgspec's message and the place it names, without the leading ``$``."""
    message, _, place = text.partition(" - at `$")
    return _lowered(message), place.rstrip("`").removeprefix(".")


class _Walk:
    """One pass over one document."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def add(self, node: Node, where: str, message: str, hint: str = "") -> None:
        self.problems.append(
            Problem(path=self.path, line=node.line, column=node.column, where=where, message=message, hint=hint)
        )

    def struct(self, node: Node, kind: type[Struct], where: str) -> None:
        if not isinstance(node, Mapping):
            self.add(node, where, f"expected a mapping, got {_noun(node)}")
            return
        known = _fields(kind)
        tag = kind.__struct_config__.tag_field
        for entry in node.entries:
            place = f"{where}.{entry.key}" if where else entry.key
            if entry.key in known:
                self.value(entry.value, known[entry.key], place)
            elif entry.key != tag:
                hint = did_you_mean(entry.key, known)
                self.problems.append(
                    Problem(
                        path=self.path,
                        line=entry.line,
                        column=entry.column,
                        where=_shortened(where, entry.key),
                        message="unknown key",
                        hint=hint,
                    )
                )
        missing = [name for name in _required(kind) if node.get(name) is None]
        for name in missing:
            self.add(node, where, f'missing key "{name}"')

    def value(self, node: Node, kind: Any, where: str) -> None:
        bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        members = [bare]
        if get_origin(bare) in (Union, types.UnionType):
            members = [m for m in get_args(bare) if m is not types.NoneType]
            if len(members) < len(get_args(bare)) and isinstance(node, Scalar) and node.value is None:
                return
        structs = [m for m in members if isinstance(m, type) and issubclass(m, Struct)]
        if len(structs) > 1:
            self.tagged(node, structs, where)
        elif structs:
            self.struct(node, structs[0], where)
        elif get_origin(members[0]) is tuple:
            self.items(node, get_args(members[0])[0], where)
        else:
            self.leaf(node, kind, where)

    def tagged(self, node: Node, kinds: list[type[Struct]], where: str) -> None:
        """One of several Structs, told apart by their common tag field."""
        field = kinds[0].__struct_config__.tag_field or "type"
        by_tag = {str(k.__struct_config__.tag): k for k in kinds}
        if not isinstance(node, Mapping):
            self.add(node, where, f"expected a mapping, got {_noun(node)}")
            return
        tag = node.get(field)
        if tag is None:
            self.add(node, where, f'missing key "{field}"', f"one of {', '.join(by_tag)}")
        elif not isinstance(tag, Scalar) or str(tag.value) not in by_tag:
            self.choice(tag, list(by_tag), f"{where}.{field}")
        else:
            self.struct(node, by_tag[str(tag.value)], where)

    def items(self, node: Node, kind: Any, where: str) -> None:
        if not isinstance(node, Sequence):
            self.add(node, where, f"expected a list, got {_noun(node)}")
            return
        for i, item in enumerate(node.items):
            self.value(item, kind, f"{where}[{i}]")

    def choice(self, node: Node, allowed: list[str], where: str) -> None:
        given = quoted(str(node.value)) if isinstance(node, Scalar) else _noun(node)
        near = did_you_mean(str(node.value), allowed) if isinstance(node, Scalar) else ""
        self.add(node, where, f"{given} is not one of {', '.join(allowed)}", near)

    def leaf(self, node: Node, kind: Any, where: str) -> None:
        value = plain(node)
        if isinstance(value, str) and value.endswith("\n") and _has_pattern(kind):
            # ``$`` of a pattern lets one line feed through, and these names become headers and labels.
            self.add(node, where, "ends in a line feed")
            return
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as e:
            allowed = _choices(kind)
            if allowed:
                self.choice(node, allowed, where)
            else:
                self.add(node, where, split_path(str(e))[0], _leaf_hint(node, kind))


@cache
def _fields(kind: type[Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        encoded: hints[name]
        for name, encoded in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    }


@cache
def _required(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(
        f.encode_name for f in msgspec.structs.fields(kind) if f.default is NODEFAULT and f.default_factory is NODEFAULT
    )


def _choices(kind: Any) -> list[str]:
    """The allowed words of a ``Literal`` or an enum, with or without ``None``; empty for other types."""
    if get_origin(kind) in (Union, types.UnionType):
        return [word for member in get_args(kind) for word in _choices(member)]
    if get_origin(kind) is Literal:
        return [str(v) for v in get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return [str(v) for v in kind]
    return []


def _has_pattern(kind: Any) -> bool:
    if get_origin(kind) in (Union, types.UnionType):
        return any(_has_pattern(member) for member in get_args(kind))
    return get_origin(kind) is Annotated and any(getattr(m, "pattern", None) for m in get_args(kind)[1:])


def _leaf_hint(node: Node, kind: Any) -> str:
    if not isinstance(node, Scalar):
        return ""
    wanted = str(kind)
    if isinstance(node.value, str):
        if "bool" in wanted:
            return "write true or false"
        if ("int" in wanted or "float" in wanted) and any(c.isdigit() for c in node.value):
            return "numbers are plain decimals: no quotes, units, underscores or leading zeros"
    elif node.value is not None and "str" in wanted:
        return "put it in quotes"
    return ""


def _noun(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if node.value is None else quoted(str(node.value), 40)


def _shortened(where: str, key: str) -> str:
    shown = quoted(key)[1:-1]
    return f"{where}.{shown}" if where else shown


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]
