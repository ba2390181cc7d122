"""JSON Schemas in the part of the language that Anthropic's structured outputs know. Pure.

What they do not know (bounds, patterns, other formats) moves into the description, where the model may heed it; objects
allow no other members. That is what Anthropic's own SDK does with a schema, and a test compares.
"""

from collections.abc import Mapping
from typing import cast

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
Schema = dict[str, object]


def supported(schema: Mapping[str, object]) -> Schema:
    """A schema that the API takes, also where ``schema`` says what it refuses."""
    rest = dict(schema)
    made: Schema = {}
    if isinstance(defs := rest.pop("$defs", None), dict):
        made["$defs"] = _each(cast("Schema", defs))
    if (reference := rest.pop("$ref", None)) is not None:
        return made | {"$ref": reference}
    kind = rest.pop("type", None)
    if isinstance(kind, list):
        rest = _by_kind(cast("list[object]", kind), rest)
        kind = None
    if literals := _literals(rest):
        made |= literals
        kind = None
    elif not (joined := _joined(rest)) and kind is not None:
        made["type"] = kind
    else:
        made |= joined
    for name in ("description", "title"):
        if (text := rest.pop(name, None)) is not None:
            made[name] = text
    if kind == "object":
        made |= _object(rest)
    elif kind == "array":
        made |= _array(rest)
    elif kind == "string" and (name := rest.pop("format", None)) is not None:
        known = isinstance(name, str) and name in _FORMATS
        (made if known else rest)["format"] = name
    if rest:
        told = "{" + ", ".join(f"{key}: {value}" for key, value in rest.items()) + "}"
        before = made.get("description")
        made["description"] = told if before is None else f"{before}\n\n{told}"
    return made


def _literals(rest: Schema) -> Schema:
    """``enum`` and ``const`` of plain values say more than a type does."""
    found: Schema = {}
    values = rest.get("enum")
    if isinstance(values, list) and values and all(_plain(value) for value in cast("list[object]", values)):
        found["enum"] = rest.pop("enum")
    if "const" in rest and _plain(rest["const"]):
        found["const"] = rest.pop("const")
    return found


def _by_kind(kinds: list[object], rest: Schema) -> Schema:
    """Several types as ``anyOf``, each with what there is to say of it."""
    if "enum" in rest or "const" in rest:
        return rest
    outer = {name: rest.pop(name) for name in ("description", "title") if name in rest}
    return outer | {"anyOf": [{"type": kind} if kind == "null" else {"type": kind, **rest} for kind in kinds]}


def _joined(rest: Schema) -> Schema:
    """The first of what joins schemas. ``oneOf`` becomes ``anyOf``; the others have no place beside it."""
    found: Schema = {}
    for name, known in (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")):
        variants = rest.pop(name, None)
        if isinstance(variants, list) and not found:
            found[known] = [_one(variant) for variant in cast("list[object]", variants)]
    return found


def _object(rest: Schema) -> Schema:
    members = rest.pop("properties", None)
    rest.pop("additionalProperties", None)
    made: Schema = {"properties": _each(cast("Schema", members) if isinstance(members, dict) else {})}
    made["additionalProperties"] = False
    if (required := rest.pop("required", None)) is not None:
        made["required"] = required
    return made


def _array(rest: Schema) -> Schema:
    made: Schema = {}
    if (items := rest.pop("items", None)) is not None:
        made["items"] = _one(items)
    if (least := rest.pop("minItems", None)) is not None:
        (made if least in (0, 1) else rest)["minItems"] = least
    return made


def _each(schemas: Schema) -> Schema:
    return {name: _one(schema) for name, schema in schemas.items()}


def _one(schema: object) -> object:
    return supported(cast("Schema", schema)) if isinstance(schema, dict) else schema


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
