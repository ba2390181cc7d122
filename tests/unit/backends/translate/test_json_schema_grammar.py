"""What a grammar from a JSON Schema accepts and refuses, and which schemas are refused in words."""

import json

import pytest

from backends.errors import BackendError, Cause
from backends.translate.json_schema_grammar import to_gbnf
from tests.fakes.gbnf import Matcher

STRINGS = {"type": "array", "items": {"type": "string"}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "tags": STRINGS},
    "required": ["name", "age"],
    "additionalProperties": False,
}  # fmt: skip
TREE = {
    "$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}},
                       "required": ["v"]}},
    "$ref": "#/$defs/node",
}  # fmt: skip
ACCEPTED = [
    (PERSON, {"name": "Ann", "age": 3}),
    (PERSON, {"name": "", "age": -3, "tags": []}),
    (PERSON, {"name": 'q"\\é🎉\n', "age": 0, "tags": ["a", "b"]}),
    (TREE, {"v": 1, "next": {"v": 2, "next": {"v": 3}}}),
    ({"type": "object"}, {"any": [1, 2.5e3, None, {"deep": {}}], "b": True}),
    ({}, [1, "a"]),
    (True, {"a": 1}),
    ({"type": ["string", "null"]}, None),
    ({"enum": ["a", 1, None, {"k": 1}]}, "a"),
    ({"const": "x y"}, "x y"),
    ({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "boolean"}}]}, [True, False]),
    ({"oneOf": [{"type": "null"}, {"type": "string"}]}, "s"),
    (
        {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {}}}]},
        {"a": 1, "b": 2},
    ),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, [1, "a"]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}, [1, 2, 3]),
    ({"type": "array", "maxItems": 0}, []),
    ({"type": "string", "minLength": 2, "maxLength": 3}, "abc"),
    ({"type": "string", "format": "date-time"}, "2026-02-28T23:59:59Z"),
    ({"type": "string", "format": "uuid"}, "123e4567-e89b-12d3-a456-426614174000"),
    ({"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}, "AB-12"),
    ({"type": "integer", "minimum": 1, "exclusiveMaximum": 11}, 10),
    ({"type": "number"}, -1.5e-7),
    (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "integer"}},
        {"a": "x", "ab": 1, "b": 2},
    ),
    ({"type": "object", "required": ["x"]}, {"x": [1]}),
    ({"type": "object", "properties": {"a": {}, "b": {}}}, {"b": 1}),
    ({"properties": {"kind": {"const": "a"}}, "anyOf": [{"required": ["kind"]}]}, {"kind": "a"}),
    ({"type": "string", "anyOf": [{"maxLength": 2}, {"pattern": "^x+$"}]}, "xxxx"),
    ({"type": ["object", "null"], "properties": {"a": {"type": "string"}}}, None),
    ({"properties": {'a"b': {}, "c-^]": {}}, "additionalProperties": True}, {"d": 1}),
    ({"properties": {"a" * 800: {}}, "additionalProperties": True}, {"d": 1}),
]
REFUSED = [
    (PERSON, {"name": "Ann"}),
    (PERSON, {"name": 1, "age": 3}),
    (PERSON, {"name": "Ann", "age": 3, "more": 1}),
    (PERSON, {"name": "Ann", "age": 3.5}),
    (TREE, {"v": 1, "next": {}}),
    ({"type": "object"}, [1]),
    ({"enum": ["a", 1]}, "b"),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}, [1]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}, [1, 2, 3, 4]),
    ({"type": "string", "minLength": 2, "maxLength": 3}, "abcd"),
    ({"type": "string", "format": "date"}, "2026-13-01"),
    ({"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}, "A1-12"),
    ({"type": "integer", "minimum": 1, "exclusiveMaximum": 11}, 11),
    ({"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"}}, {"a": 1}),
    ({"type": "object", "properties": {"a": {}}}, {"b": 1}),
    ({"type": "object", "required": ["x"]}, {}),
    ({"type": "string", "anyOf": [{"maxLength": 2}, {"pattern": "^x+$"}]}, 12),
    ({"type": "string", "oneOf": [{"minLength": 1}, {"pattern": "^x+$"}]}, ""),
    ({"prefixItems": [{"type": "integer"}]}, ["a"]),
    ({"minItems": 2}, [1]),
    ({"maxLength": 2}, "abc"),
]  # fmt: skip
IMPOSSIBLE = [
    ({"not": {"type": "string"}}, "'not'"),
    ({"properties": {"a": {"if": {}}}}, "properties.a"),
    ({"type": "text"}, "unknown type"),
    ({"$ref": "#/$defs/none"}, "does not exist"),
    ({"$ref": "https://example.org/schema"}, "outside of itself"),
    ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "without end"),
    ({"$defs": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "without end"),
    ({"allOf": [{"$ref": "#"}]}, "nested too deeply"),
    ({"type": "array", "minItems": 5000}, "more than"),
    ({"type": "array", "minItems": 3, "maxItems": 2}, "allow nothing"),
    ({"type": "string", "pattern": "(?=a)b"}, "pattern"),
    ({"type": "integer", "minimum": 5, "maximum": 4}, "no integer"),
    ({"enum": []}, "enum"),
    ({"anyOf": "x"}, "not a list"),
    ({"properties": [1]}, "not an object"),
    ({"properties": {"a": 3}}, "is not a schema"),
    ({"$ref": 3}, "not text"),
    ({"type": []}, "'type'"),
    ({"allOf": [{"required": 3}, {"required": ["a"]}]}, "'required'"),
    ({"allOf": [{"properties": 3}, {"properties": {"a": {}}}]}, "'properties'"),
    ({"type": "string", "pattern": "(" * 400 + "a" + ")" * 400}, "pattern"),
]


@pytest.mark.parametrize(("schema", "value"), ACCEPTED)
def test_what_a_schema_allows_is_accepted(schema, value):
    matcher = Matcher(to_gbnf(schema))
    assert matcher.accepts(json.dumps(value, ensure_ascii=False))
    assert matcher.accepts(json.dumps(value, separators=(",", ":")))


@pytest.mark.parametrize(("schema", "value"), REFUSED)
def test_what_a_schema_forbids_is_not(schema, value):
    assert not Matcher(to_gbnf(schema)).accepts(json.dumps(value))


@pytest.mark.parametrize(("schema", "words"), IMPOSSIBLE)
def test_what_cannot_be_enforced_is_said(schema, words):
    with pytest.raises(BackendError) as caught:
        to_gbnf(schema)
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert words in caught.value.detail
    assert caught.value.param.startswith(("response_format.json_schema.schema", "#"))


def test_a_deep_schema_is_refused():
    schema = {"type": "string"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    with pytest.raises(BackendError, match="nested too deeply"):
        to_gbnf(schema)


def test_nothing_but_json_is_accepted():
    matcher = Matcher(to_gbnf({"type": "object"}))
    for text in ("", "{", "{} ", "x", '{"a":}', '{"a" 1}', "{'a': 1}"):
        assert not matcher.accepts(text)


def test_a_quote_in_a_known_name_never_ends_another_name():
    matcher = Matcher(to_gbnf({"properties": {'a"b': {}}, "additionalProperties": True}))
    assert not matcher.accepts('{"a"bc": 1}')
    assert matcher.accepts(r'{"a\"b": 1}')


def test_a_known_name_is_no_other_name():
    matcher = Matcher(to_gbnf({"properties": {"a-b": {"type": "null"}}, "additionalProperties": {"type": "integer"}}))
    assert matcher.accepts('{"a-b": null}')
    assert not matcher.accepts('{"a-b": 1}')
    assert matcher.accepts('{"a-": 1, "a-bc": 2, "-": 3}')
