"""JSON Schema to llama.cpp's grammar notation (GBNF). Pure.

Enforced: types, ``enum``, ``const``, properties (in the order of the schema), ``required``, ``additionalProperties``,
``items``, ``prefixItems``, bounds of arrays, of short strings and of integers, common ``format``s, ``pattern`` in a
common subset, ``anyOf``, ``oneOf``, ``allOf``, ``$ref`` inside the document. Keywords that would change which answers
are allowed and cannot be enforced are refused by name; bounds of non-integers, ``multipleOf``, ``uniqueItems`` and what
stands beside ``$ref`` or ``enum`` are left to the client.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from backends.translate.gbnf import LIBRARY, Rules, literal
from backends.translate.integer_range import integer_range
from backends.translate.pattern import pattern
from backends.translate.schema_place import Place, Schema

__all__ = ["Grammar", "literal", "to_gbnf"]

MAX_DEPTH = 64
MAX_RULES = 4000
_MAX_ITEMS = 1000
_MAX_LENGTH = 1000
_REFUSED = (
    *("not", "if", "then", "else", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
    *("unevaluatedProperties", "unevaluatedItems", "contains", "$dynamicRef", "$recursiveRef"),
)
_SCALARS = {"boolean": "boolean", "null": "null", "number": "number", "integer": "integer", "string": "string"}
_SPEAKS_OF = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"pattern", "minLength", "maxLength"},
}
_NARROWS = {"type", "additionalProperties", "items"}.union(*_SPEAKS_OF.values())
_FORMATS = {"date": "date", "time": "time", "date-time": "date-time", "uuid": "uuid"}


def to_gbnf(schema: dict[str, object]) -> str:
    """A grammar whose rule ``root`` matches the JSON texts that ``schema`` allows.

    Raises ``BackendError(INVALID_REQUEST)`` with the place of what cannot be enforced.
    """
    grammar = Grammar()
    grammar.add("root", grammar.schema(schema, "response_format.json_schema.schema"))
    return grammar.text()


class Grammar:
    """Collects the rules of one grammar; several schemas may share it."""

    def __init__(self) -> None:
        self._rules = Rules(LIBRARY)
        self._refs: dict[tuple[int, str], str] = {}
        self._open: set[tuple[int, str]] = set()
        self._depth = 0

    def add(self, name: str, body: str) -> str:
        """Define a rule by its exact name."""
        return self._rules.define(name, body)

    def text(self) -> str:
        """The whole grammar with the library rules that it uses."""
        return self._rules.text()

    def schema(self, schema: object, where: str, document: Schema | None = None) -> str:
        """An expression for ``schema``, which errors call ``where``; its references point into ``document``."""
        return self._value(schema, Place(where, _document(schema) if document is None else document))

    def _value(self, schema: object, place: "Place") -> str:
        if schema is True or schema == {}:
            return self._rules.use("value")
        if not isinstance(schema, Mapping):
            raise place.refuse("is not a schema")
        self._depth += 1
        if self._depth > MAX_DEPTH or len(self._rules) > MAX_RULES:
            raise place.refuse("is nested too deeply or too large")
        try:
            return self._keywords(cast("Schema", schema), place)
        finally:
            self._depth -= 1

    def _keywords(self, schema: Schema, place: "Place") -> str:
        for keyword in _REFUSED:
            if keyword in schema:
                raise place.refuse(f"uses {keyword!r}, which cannot be enforced")
        if "$ref" in schema:
            return self._reference(schema["$ref"], place)
        if "const" in schema:
            return _constant(schema["const"])
        if "enum" in schema:
            return _any([_constant(value) for value in place.sequence(schema["enum"], "enum")])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                base = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "$defs")}
                return self._alternatives(base, schema[keyword], place.at(keyword))
        if "allOf" in schema:
            return self._value(self._merged(schema, place), place)
        return self._typed(schema, place)

    def _alternatives(self, base: Schema, choices: object, place: "Place") -> str:
        options: list[str] = []
        for index, choice in enumerate(place.sequence(choices, "it")):
            at = place.at(str(index))
            whole = choice
            if base.keys() & {"properties", "required"} or (base.keys() & _NARROWS and not _refers(choice)):
                whole = _merge(base, self._resolved(choice, at), at)
            options.append(self._value(whole, at))
        return _any(options)

    def _merged(self, schema: Schema, place: "Place") -> Schema:
        merged: Schema = {key: value for key, value in schema.items() if key != "allOf"}
        for index, part in enumerate(place.sequence(schema["allOf"], "allOf")):
            merged = _merge(merged, self._resolved(part, place.at(f"allOf.{index}")), place)
        return merged

    def _resolved(self, schema: object, place: "Place") -> Schema:
        """A schema without a reference at its top."""
        seen: set[str] = set()
        while isinstance(schema, Mapping) and "$ref" in schema:
            pointer = str(cast("Schema", schema)["$ref"])
            if pointer in seen:
                raise place.refuse("refers to itself without end")
            seen.add(pointer)
            schema = place.resolve(pointer)
        if not isinstance(schema, Mapping):
            raise place.refuse("is not a schema")
        return cast("Schema", schema)

    def _reference(self, pointer: object, place: "Place") -> str:
        if not isinstance(pointer, str):
            raise place.refuse("has a '$ref' that is not text")
        key = (id(place.document), pointer)
        if key in self._open:
            raise place.refuse("refers to itself without end")
        if key not in self._refs:
            name = self._refs[key] = self._rules.fresh("ref")
            self._open.add(key)
            try:
                self._rules.define(name, self._value(place.resolve(pointer), Place(pointer, place.document)))
            finally:
                self._open.discard(key)
        return self._refs[key]

    def _inside(self, schema: object, place: "Place") -> str:
        """A value inside an object or array: there a reference may come back to what is open."""
        opened, self._open = self._open, set()
        try:
            return self._rules.named("v", self._value(schema, place))
        finally:
            self._open = opened

    def _typed(self, schema: Schema, place: "Place") -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            return _any(
                [self._typed({**schema, "type": each}, place) for each in place.sequence(cast("object", kind), "type")]
            )
        if kind is None:
            kind = _implied(schema)
        match kind:
            case None:
                return self._rules.use("value")
            case "object":
                return self._object(schema, place)
            case "array":
                return self._array(schema, place)
            case "string":
                return self._string(schema, place)
            case "integer":
                return self._integer(schema, place)
            case str() if kind in _SCALARS:
                return self._rules.use(_SCALARS[kind])
            case _:
                raise place.refuse(f"has the unknown type {kind!r}")

    def _object(self, schema: Schema, place: "Place") -> str:
        properties = place.mapping(schema.get("properties"), "properties")
        required = {str(name) for name in place.sequence(schema.get("required") or [], "required")}
        extra = schema.get("additionalProperties", not properties)
        for name in sorted(required - properties.keys()):
            properties[name] = True
        pairs = [
            (f"{_key(name)} {self._inside(value, place.at(f'properties.{name}'))}", name in required)
            for name, value in properties.items()
        ]
        self._rules.use("space")
        more = "" if extra is False else self._extra(extra, sorted(properties), place)
        first, following = _first(more), _following(more)
        for pair, needed in reversed(pairs):
            later = self._rules.named("more", following)
            if needed:
                first = f"{pair} {later}"
            elif first:
                first = f"{pair} {later} | {self._rules.named('rest', first)}"
            else:
                first = f"( {pair} {later} )?"
            follow = f'"," space {pair}'
            following = f"{follow} {later}" if needed else f"( {follow} )? {later}"
        return f'"{{" space {self._rules.named("members", first)} space "}}"'

    def _extra(self, schema: object, names: Sequence[str], place: "Place") -> str:
        value = self._inside(schema, place.at("additionalProperties"))
        return f'{self._rules.other_key(names)} space ":" space {value}'

    def _array(self, schema: Schema, place: "Place") -> str:
        low, high = place.bounds(schema, "minItems", "maxItems", _MAX_ITEMS)
        if low > _MAX_ITEMS:
            raise place.refuse(f"asks for more than {_MAX_ITEMS} items")
        self._rules.use("space")
        fixed = place.sequence(schema.get("prefixItems") or [], "prefixItems")
        if fixed:
            items = [self._inside(each, place.at(f"prefixItems.{index}")) for index, each in enumerate(fixed)]
            return '"[" space ' + ' "," space '.join(items) + ' space "]"'
        item = self._inside(schema.get("items", True), place.at("items"))
        if high == 0:
            return '"[" space "]"'
        most = "" if high is None else str(high - 1)
        several = f'{item} ( "," space {item} ){{{max(low - 1, 0)},{most}}}'
        return f'"[" space {several if low else f"( {several} )?"} space "]"'

    def _string(self, schema: Schema, place: "Place") -> str:
        if "pattern" in schema:
            inner = pattern(str(schema["pattern"]))
            if inner is None:
                raise place.refuse("has a 'pattern' that cannot be enforced")
            return f'"\\"" {inner} "\\""'
        known = _FORMATS.get(str(schema.get("format")))
        if known is not None:
            return self._rules.use(known)
        low, high = place.bounds(schema, "minLength", "maxLength", _MAX_LENGTH)
        if low == 0 and high is None:
            return self._rules.use("string")
        self._rules.use("char")
        return f'"\\"" char{{{min(low, _MAX_LENGTH)},{"" if high is None else high}}} "\\""'

    def _integer(self, schema: Schema, place: "Place") -> str:
        low, high = place.integer_bounds(schema)
        if low is None and high is None:
            return self._rules.use("integer")
        numbers = integer_range(low, high)
        if not numbers:
            raise place.refuse("allows no integer")
        return self._rules.named("int", numbers)


def _constant(value: object) -> str:
    return literal(msgspec.json.encode(value).decode())


def _any(options: list[str]) -> str:
    return options[0] if len(options) == 1 else f"( {' | '.join(options)} )"


def _key(name: str) -> str:
    return literal(msgspec.json.encode(name).decode() + ":") + " space"


def _first(more: str) -> str:
    return f'( {more} ( "," space {more} )* )?' if more else ""


def _following(more: str) -> str:
    return f'( "," space {more} )*' if more else ""


def _document(schema: object) -> Schema:
    return cast("Schema", schema) if isinstance(schema, Mapping) else {}


def _implied(schema: Schema) -> str | None:
    """The type that other keywords speak of when none is named."""
    return next((kind for kind, keywords in _SPEAKS_OF.items() if keywords & schema.keys()), None)


def _merge(left: Schema, right: Schema, place: Place) -> Schema:
    """Both schemas' demands in one, as far as objects go."""
    merged: dict[str, object] = {**left, **right}
    for keyword in ("properties", "$defs"):
        if keyword in left and keyword in right:
            merged[keyword] = place.mapping(left[keyword], keyword) | place.mapping(right[keyword], keyword)
    if "required" in left and "required" in right:
        both = [*place.sequence(left["required"], "required"), *place.sequence(right["required"], "required")]
        merged["required"] = [name for index, name in enumerate(both) if name not in both[:index]]
    return merged


def _refers(schema: object) -> bool:
    return isinstance(schema, Mapping) and "$ref" in schema
