"""Trees with ``${name|filter=argument|…}`` in their strings: compiled once, rendered for each request. Pure.

A string that is one expression keeps the type of its value. Everything that can be wrong is found on compiling.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import quote

from msgspec import Struct

from backends.cloud.media.filters import FILTERS, FilterError, applied, shown
from backends.cloud.media.value import Blob, Size, Value, Values

_EXPRESSION = re.compile(r"\$\{([^{}]*)\}")
_WHEN, _EACH = "$when", "$each"
_MOST_DEPTH = 16
MISSING = object()
"""What is rendered of something that is not there: it takes its key, or its list, away."""


class TemplateError(Exception):
    """``where`` is a place below the tree's root (``.content[0].text``); the rest is for whoever wrote the file."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where
        self.message = message


class Expression(Struct, frozen=True):
    """A name and its filters, in order, with their arguments."""

    name: str
    filters: tuple[tuple[str, str], ...] = ()

    def value(self, values: Values) -> Value:
        """Raises ``FilterError``."""
        found = values.get(self.name)
        for name, argument in self.filters:
            if found is None:
                return None
            found = applied(name, found, argument)
        return found


class Text(Struct, frozen=True):
    """Literal text and expressions, one after the other."""

    parts: tuple[str | Expression, ...]

    def expressions(self) -> Iterator[Expression]:
        return (part for part in self.parts if isinstance(part, Expression))

    def render(self, values: Values, encode: Callable[[str], str] = lambda text: text) -> str | None:
        """With ``encode`` over what is put in; ``None`` when something is missing. Raises ``FilterError``."""
        told: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                told.append(part)
                continue
            value = part.value(values)
            if value is None:
                return None
            told.append(encode(shown(value)))
        return "".join(told)


class Branch(Struct, frozen=True):
    """A mapping."""

    entries: tuple[tuple[str, "Tree"], ...]
    when: str | None = None
    each: str | None = None


class Row(Struct, frozen=True):
    """A list."""

    members: tuple["Tree", ...]


class Leaf(Struct, frozen=True):
    """A number, a boolean or nothing, as it stands in the file."""

    value: bool | int | float | None


Tree = Leaf | Text | Branch | Row


def text_of(source: str, names: frozenset[str], where: str = "") -> Text:
    """Raises ``TemplateError``."""
    parts: list[str | Expression] = []
    end = 0
    for found in _EXPRESSION.finditer(source):
        if found.start() > end:
            parts.append(source[end : found.start()])
        parts.append(_expression(found[1], names, where))
        end = found.end()
    if end < len(source):
        parts.append(source[end:])
    if any(isinstance(part, str) and "${" in part for part in parts):
        raise TemplateError(where, "an expression is not closed")
    return Text(tuple(parts))


def tree_of(source: Any, names: frozenset[str], where: str = "", depth: int = 0, *, member: bool = False) -> Tree:
    """``source`` is what YAML gives. ``member``: of a list. Raises ``TemplateError``."""
    if depth > _MOST_DEPTH:
        raise TemplateError(where, "is too deep")
    if isinstance(source, str):
        return text_of(source, names, where)
    if isinstance(source, list):
        members = enumerate(cast("list[Any]", source))
        return Row(tuple(tree_of(each, names, f"{where}[{i}]", depth + 1, member=True) for i, each in members))
    if not isinstance(source, dict):
        return Leaf(source)
    fields = cast("dict[str, Any]", source)
    when, each = (_reserved(fields, key, names, where) for key in (_WHEN, _EACH))
    if each and not member:
        raise TemplateError(f"{where}.{_EACH}", "is for members of a list")
    inner = names | {"item"} if each else names
    kept = [(key, value) for key, value in fields.items() if key not in (_WHEN, _EACH)]
    for key, _ in kept:
        if key.startswith("$"):
            raise TemplateError(f"{where}.{key}", f"{key} is neither {_WHEN} nor {_EACH}")
    return Branch(tuple((key, tree_of(value, inner, f"{where}.{key}", depth + 1)) for key, value in kept), when, each)


def expressions(tree: Tree) -> Iterator[Expression]:
    """All of a tree, and the names in its conditions."""
    if isinstance(tree, Text):
        yield from tree.expressions()
    elif isinstance(tree, Row):
        for member in tree.members:
            yield from expressions(member)
    elif isinstance(tree, Branch):
        for name in (tree.when, tree.each):
            if name is not None:
                yield Expression(name)
        for _, value in tree.entries:
            yield from expressions(value)


def rendered(tree: Tree, values: Values) -> object:
    """The tree as JSON has it, files as ``Blob``, or ``MISSING``. Raises ``FilterError``."""
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, Text):
        if len(tree.parts) == 1 and isinstance(tree.parts[0], Expression):
            found = _plain(tree.parts[0].value(values))
            return MISSING if found is None else found
        text = tree.render(values)
        return MISSING if text is None else text
    if isinstance(tree, Row):
        return _row(tree, values)
    if tree.when is not None and values.get(tree.when) is None:
        return MISSING
    fields = {key: rendered(value, values) for key, value in tree.entries}
    kept = {key: value for key, value in fields.items() if value is not MISSING}
    return MISSING if fields and not kept else kept


def path_of(text: Text, values: Values) -> str | None:
    """A path with what is put in made safe: ``/`` and ``:`` only in names of models. Raises ``FilterError``."""
    model = values.get("model")

    def encoded(part: str) -> str:
        if part in (".", "..") or (part != model and not part):
            raise FilterError("is no part of a path")
        return quote(part, safe="/:@" if part == model else "")

    return text.render(values, encoded)


def _row(tree: Row, values: Values) -> object:
    """Members with a condition may be missing; another one takes the whole list with it."""
    found: list[object] = []
    for member in tree.members:
        if isinstance(member, Branch) and member.each is not None:
            items = values.get(member.each)
            alone = Branch(member.entries, member.when)
            found += [rendered(alone, {**values, "item": item}) for item in items] if isinstance(items, list) else []
            continue
        value = rendered(member, values)
        if value is not MISSING:
            found.append(value)
        elif not (isinstance(member, Branch) and member.when is not None):
            return MISSING
    return found if found or not tree.members else MISSING


def _plain(value: Value) -> object:
    if isinstance(value, Size):
        return str(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def holds_file(value: object) -> bool:
    """Whether something in a rendered tree is a file still, which JSON has no word for."""
    if isinstance(value, dict):
        return any(holds_file(each) for each in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(holds_file(each) for each in cast("list[object]", value))
    return isinstance(value, Blob)


def _reserved(fields: dict[str, Any], key: str, names: frozenset[str], where: str) -> str | None:
    name = fields.get(key)
    if name is not None and name not in names:
        raise TemplateError(f"{where}.{key}", f'no name "{name}"')
    return name


def _expression(source: str, names: frozenset[str], where: str) -> Expression:
    name, *steps = (each.strip() for each in source.split("|"))
    if name not in names:
        raise TemplateError(where, f'no name "{name}"; there are {", ".join(sorted(names))}')
    filters: list[tuple[str, str]] = []
    for step in steps:
        filter_name, _, argument = (each.strip() for each in step.partition("="))
        if filter_name not in FILTERS:
            raise TemplateError(where, f'no filter "{filter_name}"; there are {", ".join(sorted(FILTERS))}')
        filters.append((filter_name, argument))
    return Expression(name, tuple(filters))
