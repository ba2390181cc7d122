"""Grammars against the checks of the language that they stand for."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.translate.integer_range import integer_range
from backends.translate.json_schema_grammar import to_gbnf
from backends.translate.pattern import pattern
from tests.fakes.gbnf import Matcher

BOUND = st.none() | st.integers(-1200, 1200)
NAMES = st.text('abcé"\\ -^]', min_size=1, max_size=3)
SCALARS = st.sampled_from(
    [{"type": "integer"}, {"type": "string"}, {"type": "boolean"}, {"type": "null"}, {"const": "k"}]
)


def objects(inner):
    return st.builds(
        lambda properties, needed: {
            "type": "object",
            "properties": properties,
            "required": [name for name, use in zip(properties, needed, strict=False) if use],
            "additionalProperties": False,
        },
        st.dictionaries(NAMES, inner, max_size=3),
        st.lists(st.booleans(), min_size=3, max_size=3),
    )


SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: objects(inner) | st.builds(lambda items: {"type": "array", "items": items, "maxItems": 2}, inner),
    max_leaves=6,
)


def value(schema, data):
    """Something that the schema allows, keys in the schema's order."""
    if "const" in schema:
        return schema["const"]
    match schema["type"]:
        case "integer":
            return data.draw(st.integers(-(10**15), 10**15))
        case "string":
            return data.draw(st.text(max_size=4)).replace("\x7f", "")
        case "boolean":
            return data.draw(st.booleans())
        case "null":
            return None
        case "array":
            return [value(schema["items"], data) for _ in range(data.draw(st.integers(0, 2)))]
        case _:
            kept = {name for name in schema["properties"] if name in schema["required"] or data.draw(st.booleans())}
            return {name: value(inner, data) for name, inner in schema["properties"].items() if name in kept}


@settings(max_examples=150)
@given(SCHEMAS, st.data())
def test_what_fits_a_schema_fits_its_grammar(schema, data):
    allowed = value(schema, data)
    assert Matcher(to_gbnf(schema)).accepts(json.dumps(allowed, ensure_ascii=False))


@settings(max_examples=150)
@given(objects(SCALARS), st.data())
def test_a_missing_or_foreign_key_does_not(schema, data):
    allowed = value(schema, data)
    matcher = Matcher(to_gbnf(schema))
    assert not matcher.accepts(json.dumps(allowed | {"foreign": 1}, ensure_ascii=False))
    if schema["required"]:
        allowed.pop(schema["required"][0])
        assert not matcher.accepts(json.dumps(allowed, ensure_ascii=False))


@settings(max_examples=150)
@given(st.dictionaries(NAMES, st.none(), max_size=4), NAMES)
def test_other_names_are_allowed_and_known_ones_keep_their_schema(known, other):
    schema = {"properties": {name: {"type": "null"} for name in known}, "additionalProperties": {"type": "integer"}}
    matcher = Matcher(to_gbnf(schema))
    assert matcher.accepts(json.dumps(known, ensure_ascii=False))
    if other not in known and not set(other) & set('"\\'):
        assert matcher.accepts(json.dumps({other: 1}, ensure_ascii=False))
    for name in known:
        if not set(name) & set('"\\'):
            assert not matcher.accepts(json.dumps({name: 1}, ensure_ascii=False))


@settings(max_examples=120)
@given(BOUND, BOUND, st.lists(st.integers(-1500, 1500), max_size=30))
def test_a_range_holds_exactly_its_integers(low, high, numbers):
    body = integer_range(low, high)
    numbers += [bound + step for bound in (low, high) if bound is not None for step in (-1, 0, 1)] + [0]
    if not body:
        assert low > high
        return
    matcher = Matcher(f"root ::= {body}\n")
    for number in numbers:
        inside = (low is None or number >= low) and (high is None or number <= high)
        assert matcher.accepts(str(number)) == inside, number
    assert not matcher.accepts("007")


@settings(max_examples=200)
@given(
    st.sampled_from(
        [
            "^a+b?$",
            "^(ab|c){2,3}$",
            "[a-c]x",
            "^\\d{3}$",
            "^[^ab]*$",
            "a|b",
            "^a.c$",
            "^\\w+-\\w+$",
            "b$",
            "^(?:a|bc)*$",
            "^[a\\-]+$",
        ]
    ),
    st.text("abcx123- ", max_size=7),
)
def test_a_pattern_means_what_it_says(regex, text):
    matcher = Matcher(f"root ::= {pattern(regex)}\n")
    assert matcher.accepts(text) == bool(re.search(regex, text))


@given(st.text("ab(|)[]{}*+?^$\\.1,-", max_size=12))
def test_any_pattern_is_read_or_left(regex):
    body = pattern(regex)
    if body is not None:
        Matcher(f"root ::= {body}\n")
