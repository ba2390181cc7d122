"""One place in a JSON Schema document: reads keywords of the right kind, follows references, names itself in errors."""

from collections.abc import Mapping
from math import ceil, floor
from typing import cast

from backends.errors import BackendError, Cause

Schema = Mapping[str, object]


class Place:
    """Where a schema stands, for errors, and the document that its references point into."""

    def __init__(self, where: str, document: Schema) -> None:
        self._where, self.document = where, document

    def at(self, step: str) -> "Place":
        """The place one step further in."""
        return Place(f"{self._where}.{step}"[:300], self.document)

    def refuse(self, why: str) -> BackendError:
        """The error for what cannot be enforced here."""
        return BackendError(Cause.INVALID_REQUEST, f"{self._where}: the schema {why}.", param=self._where)

    def sequence(self, value: object, name: str) -> list[object]:
        """A list that has entries, unless it may be empty."""
        if not isinstance(value, list) or (not value and name not in ("required", "prefixItems")):
            raise self.refuse(f"has {name!r} that is not a list with entries")
        return cast("list[object]", value)

    def mapping(self, value: object, name: str) -> dict[str, object]:
        """An object, empty when it is missing."""
        if not isinstance(value, Mapping | None):
            raise self.refuse(f"has {name!r} that is not an object")
        return dict(cast("Schema", value or {}))

    def bounds(self, schema: Schema, lowest: str, highest: str, cap: int) -> tuple[int, int | None]:
        """(low, high); a high bound above ``cap`` counts as none: counting so far would blow up the grammar."""
        low, high = schema.get(lowest, 0), schema.get(highest)
        if not isinstance(low, int) or not isinstance(high, int | None) or low < 0 or (high is not None and high < low):
            raise self.refuse(f"has {lowest!r} and {highest!r} that allow nothing")
        return low, None if high is None or high > cap else high

    def integer_bounds(self, schema: Schema) -> tuple[int | None, int | None]:
        """(low, high), both included, None where there is no bound."""
        lows = [ceil(bound) for bound in _numbers(schema, "minimum")]
        lows += [floor(bound) + 1 for bound in _numbers(schema, "exclusiveMinimum")]
        highs = [floor(bound) for bound in _numbers(schema, "maximum")]
        highs += [ceil(bound) - 1 for bound in _numbers(schema, "exclusiveMaximum")]
        return max(lows, default=None), min(highs, default=None)

    def resolve(self, pointer: str) -> object:
        """What a reference like ``#/$defs/item`` points to; references out of the document are refused."""
        if not pointer.startswith("#"):
            raise self.refuse(f"refers to {pointer!r} outside of itself")
        found: object = self.document
        for step in pointer[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            missing = self.refuse(f"refers to {pointer!r}, which does not exist")
            found = _step_into(found, name, missing)
        return found


def _numbers(schema: Schema, keyword: str) -> list[int | float]:
    """The bound as a list of one, or of none when the keyword is missing or not a number."""
    value = schema.get(keyword)
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _step_into(node: object, name: str, missing: BackendError) -> object:
    if isinstance(node, list):
        items = cast("list[object]", node)
        if name.isdigit() and int(name) < len(items):
            return items[int(name)]
    elif isinstance(node, Mapping):
        members = cast("Schema", node)
        if name in members:
            return members[name]
    raise missing
