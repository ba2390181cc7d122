"""Schemas in the language of structured outputs, as the API's own SDK would tell them."""

import pytest
from anthropic import transform_schema

from backends.translate.claude.strict_schema import supported

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        TEXT,
        TEXT | {"format": "date", "title": "T"},
        TEXT | {"format": "odd", "maxLength": 3, "description": "D"},
        {"type": "integer", "minimum": 1, "maximum": 10},
        {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 3},
        {"type": "array", "minItems": 2},
        {"enum": ["a", None, 1], "type": "string"},
        {"enum": [{"a": 1}], "type": "object"},
        {"const": True},
        {"anyOf": [TEXT, {"type": "null"}], "description": "D"},
        {"oneOf": [TEXT, {"type": "number", "multipleOf": 2}]},
        {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": TEXT | {"pattern": "x"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": TEXT}, "description": "gone"},
        {"type": "object", "additionalProperties": True, "minProperties": 1},
        {"type": "object", "properties": {"a": {"type": "object"}, "b": TEXT}, "required": ["a"]},
    ],
)
def test_a_schema_is_told_as_the_sdk_tells_it(schema):
    before = repr(schema)
    assert supported(schema) == transform_schema(schema)
    assert repr(schema) == before


def test_several_types_are_any_of_them():
    """The SDK knows no lists of types; strict schemas of OpenAI's are full of them."""
    given = {"type": ["string", "null"], "description": "D", "maxLength": 3}
    assert supported(given) == {
        "anyOf": [{"type": "string", "description": "{maxLength: 3}"}, {"type": "null"}],
        "description": "D",
    }
    assert supported({"type": ["string", "null"], "enum": ["a", None]}) == {"enum": ["a", None]}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"properties": {}},
        {"anyOf": "x"},
        {"items": [1]},
        {"type": "array", "items": True},
        {"type": "string", "format": [1]},
    ],
)
def test_what_is_no_schema_is_not_our_business(odd):
    assert isinstance(supported(odd), dict)
