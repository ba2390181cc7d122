"""YAML text to a small tree that remembers lines. Bounded in depth, size and alias expansion; never builds objects.

Scalars follow YAML 1.2 where 1.1 surprises: only ``true`` and ``false`` are booleans, ``010``, ``1_000`` and dates are
text, infinities do not exist. Built on parser events: PyYAML's composer recurses as deep as a hostile file asks.
"""

import re
from collections.abc import Callable, Iterator

import yaml
from msgspec import Struct

from gateway.catalog.problem import Problem, quoted
from gateway.catalog.scalars import YamlError, key_text, scalar_value

MAX_DEPTH = 24
MAX_NODES = 20_000

Plain = str | int | float | bool | list["Plain"] | dict[str, "Plain"] | None


class Scalar(Struct, frozen=True):
    """A leaf. ``line`` and ``column`` count from 1."""

    line: int
    column: int
    value: str | int | float | bool | None
    nodes: int = 1


class Sequence(Struct, frozen=True):
    """A list. ``nodes`` counts everything below it with aliases expanded."""

    line: int
    column: int
    items: "tuple[Node, ...]"
    nodes: int


class Entry(Struct, frozen=True):
    """A key of a mapping with the place of the key and its value."""

    line: int
    column: int
    key: str
    value: "Node"


class Mapping(Struct, frozen=True):
    """A mapping in the order of the file; a duplicate key never gets this far."""

    line: int
    column: int
    entries: tuple[Entry, ...]
    nodes: int

    def get(self, key: str) -> "Node | None":
        """The value of ``key``, or ``None`` when the key is absent."""
        return next((e.value for e in self.entries if e.key == key), None)


Node = Scalar | Sequence | Mapping


class _Open(Struct):
    """A collection whose end has not been seen. ``key`` waits for its value when the collection is a mapping."""

    line: int
    column: int
    anchor: str | None
    mapping: bool
    items: list[Node]
    entries: dict[str, Entry]
    key: Scalar | None = None
    nodes: int = 1


class _Builder:
    """Folds parser events into one tree, keeping problems that do not stop the reading."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def feed(self, event: yaml.Event) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent):
            if self.root is not None:
                raise YamlError(line, column, "a second document in one file", "one file holds one model")
        elif isinstance(event, yaml.AliasEvent):
            self._alias(str(event.anchor), line, column)
        elif isinstance(event, yaml.ScalarEvent):
            _refuse_tag(event.tag, line, column)
            node = Scalar(line, column, scalar_value(event, line, column))
            self._add(node, event.anchor)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            _refuse_tag(event.tag, line, column)
            if len(self._stack) >= MAX_DEPTH:
                raise YamlError(line, column, f"nested deeper than {MAX_DEPTH} levels")
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._stack.append(_Open(line, column, event.anchor, mapping, [], {}))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()

    def _close(self) -> None:
        done = self._stack.pop()
        node: Node
        if done.mapping:
            node = Mapping(done.line, done.column, tuple(done.entries.values()), done.nodes)
        else:
            node = Sequence(done.line, done.column, tuple(done.items), done.nodes)
        self._add(node, done.anchor)

    def _alias(self, name: str, line: int, column: int) -> None:
        # Anchors are known once their node is complete, so that a node cannot contain itself.
        node = self._anchors.get(name)
        if node is None:
            raise YamlError(line, column, f"alias {quoted('*' + name)} has no complete anchor before it")
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        parent.nodes += node.nodes
        if parent.nodes > MAX_NODES:
            raise YamlError(node.line, node.column, f"more than {MAX_NODES} nodes with aliases expanded")
        if not parent.mapping:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._key(node)
        else:
            self._entry(parent, parent.key, node)
            parent.key = None

    def _key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            raise YamlError(node.line, node.column, "a key must be a plain word")
        return node

    def _entry(self, parent: _Open, key: Scalar, value: Node) -> None:
        name = key_text(key.value)
        first = parent.entries.get(name)
        if first is None:
            parent.entries[name] = Entry(key.line, key.column, name, value)
            return
        self.problems.append(
            Problem(
                path=self.path,
                line=key.line,
                column=key.column,
                where="",
                message=f"duplicate key {quoted(name)}",
                hint=f"first given on line {first.line}",
            )
        )


def read_yaml(path: str, text: str) -> tuple[Node | None, list[Problem]]:
    """The tree of one document (``None`` for an empty one) and the duplicate keys found on the way.

    Raises ``YamlError`` for anything that ends the reading: syntax, tags, depth, size, a second document.
    """
    builder = _Builder(path)
    try:
        for event in _events(text):
            builder.feed(event)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(line, column, f"not valid YAML: {e.problem or e.context or 'syntax error'}") from None
    except yaml.YAMLError:  # the reader's complaint: it has a byte offset at most, and that of its buffer
        line, column = _first_unprintable(text)
        raise YamlError(line, column, "not valid YAML: a control character") from None
    return builder.root, builder.problems


def plain(node: Node) -> Plain:
    """The tree as dicts, lists and scalars. Depth and size were bounded on reading."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {entry.key: plain(entry.value) for entry in node.entries}


def _events(text: str) -> Iterator[yaml.Event]:
    parse: Callable[..., Iterator[yaml.Event]] = getattr(yaml, "parse")  # noqa: B009 (untyped in the stubs)
    return parse(text, Loader=yaml.CSafeLoader)


def _refuse_tag(tag: str | None, line: int, column: int) -> None:
    if tag is not None:
        raise YamlError(line, column, f"tag {quoted(tag)} is not allowed", "profiles are plain data")


def _first_unprintable(text: str) -> tuple[int, int]:
    match = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    before = text[: match.start()] if match else ""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
