"""Jinja's immutable sandbox with bounds on what one rendering may compute: steps of loops, calls, sizes of values.

The sandbox of Jinja keeps a template away from Python; it lets it compute without end. Knows nothing of chats.
"""

from collections.abc import Iterable, Iterator, Sized
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_STEPS = 1_000_000
"""Loop steps and calls of one rendering: hundreds a message in the longest conversations, a second of computing."""
MAX_SIZE = 1_000_000
"""Entries or characters of a value that a template puts together by repetition."""
MAX_JOINED = 16 * 1024 * 1024
"""Characters or entries of a value that a template puts together from two."""
_CALL_STEPS = 4
_MAX_POWER = 64


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """Call ``begin`` before each rendering. Raises ``SecurityError`` from the rendering that goes too far."""

    intercepted_binops = frozenset({"*", "**", "+"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._steps = 0
        self.filters["forebay_counted"] = self._counted  # pyright: ignore[reportArgumentType]
        self.filters["forebay_bounded"] = _bounded

    def begin(self) -> None:
        """Count from nothing."""
        self._steps = 0

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse what would build a huge value before it is built."""
        sizes = [len(side) for side in (left, right) if isinstance(side, Sized)]
        count = max((side for side in (left, right) if isinstance(side, int)), default=0)
        if operator == "*" and sizes and sizes[0] * count > MAX_SIZE:
            raise SecurityError("a repetition is too long")
        if operator == "**" and isinstance(right, int | float) and abs(right) > _MAX_POWER:
            raise SecurityError("a power is too high")
        if operator == "+" and sum(sizes) > MAX_JOINED:
            raise SecurityError("a value is too long")
        return super().call_binop(context, operator, left, right)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Every call of a template comes through here, macros and recursive loops included."""
        self._step(_CALL_STEPS)
        return super().call(*args, **kwargs)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for loop in list(template.find_all(nodes.For)):
            loop.iter = nodes.Filter(loop.iter, "forebay_counted", [], [], None, None)
        return _Bounding().visit(template)

    def _counted(self, values: Iterable[object]) -> Iterable[object]:
        return self._pulled(values) if not isinstance(values, Sized) else self._charged(values)

    def _pulled(self, values: Iterable[object]) -> Iterator[object]:
        for value in values:
            self._step()
            yield value

    def _charged(self, values: Any) -> Any:
        """A loop over a value of known length pays for all of it, so that its length stays known."""
        self._step(len(values))
        return values

    def _step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise SecurityError("too many steps")


class _Bounding(NodeTransformer):
    """``a ~ b`` is no operator to the sandbox."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802  # Jinja's own naming
        self.generic_visit(node)
        return nodes.Filter(node, "forebay_bounded", [], [], None, None)


def _bounded(value: str) -> str:
    if len(value) > MAX_JOINED:
        raise SecurityError("a value is too long")
    return value
