"""Requests as envelopes: any bytes are taken or refused in words; what passes keeps its meaning."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from backends.errors import BackendError, Cause
from backends.wire.envelope import MOST_LEVELS, Envelope

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)


@settings(max_examples=300)
@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(body):
    try:
        envelope = Envelope.parse(body)
    except BackendError as error:
        assert (error.cause, bool(error.detail)) == (Cause.INVALID_REQUEST, True)  # noqa: PT017  # either may happen
    else:
        assert json.loads(body)["model"] == envelope.model


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=6), JSON, max_size=5), NAMES, NAMES, st.booleans())
def test_what_passes_keeps_its_meaning(fields, model, other, stream):
    request = fields | {"model": model, "stream": stream}
    envelope = Envelope.parse(json.dumps(request).encode())
    assert (envelope.model, envelope.stream) == (model, stream)
    assert json.loads(envelope.with_model(other)) == request | {"model": other}
    assert json.loads(envelope.with_model(model)) == request
    extra = {"max_tokens": Raw(b"3")}
    assert json.loads(envelope.with_model(other, extra)) == request | {"model": other, "max_tokens": 3}
    assert "max_tokens" not in envelope or "max_tokens" in request


@given(st.integers(1, 300), st.sampled_from(["[", '{"a":']), st.booleans())
def test_depth(levels, opening, noise):
    closing = "]" if opening == "[" else "}"
    text = '"[[[[{{{{\\"[["' if noise else "1"
    body = f'{{"model": "m", "x": {opening * levels}{text}{closing * levels}}}'.encode()
    if levels + 1 > MOST_LEVELS:
        with pytest.raises(BackendError, match="nested deeper"):
            Envelope.parse(body)
    else:
        assert Envelope.parse(body).model == "m"


def depth(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["[%s]", '{"a":%s}', '{"]":%s}', '["]",%s,"["]', "[[],%s,{}]", '{"\\\\":"\\"}\\\\",%s:%s}']
            ),
            st.sampled_from(['"]"', '"\\"["', '"\\\\"', '"\\n"']),
        ),
        max_size=90,
    )
)
def test_depth_is_that_of_the_values_whatever_the_strings_hold(layers):
    """Brackets in strings, escaped quotes and backslashes neither hide a level nor make one."""
    text = "1"
    for around, noise in layers:
        text = around.replace("%s:%s", f'"k":{noise},"v":%s') % text
    body = f'{{"model":"m","pad":[{"[]," * 70}1],"x":{text}}}'
    deep = depth(json.loads(body)) > MOST_LEVELS
    try:
        Envelope.parse(body.encode())
    except BackendError as error:
        assert (deep, "nested deeper" in error.detail) == (True, True)  # noqa: PT017  # either may happen
    else:
        assert not deep


@pytest.mark.parametrize(
    "text",
    [
        '["]",' * 400 + "1" + ',"["]' * 400,
        '[{"a":' * 40 + "1" + "}]" * 40,
        '["\\"]\\"",' * 400 + "1" + ',"\\"[\\""]' * 400,
    ],
    ids=["masked by strings", "two kinds in turn", "masked behind escaped quotes"],
)
def test_no_way_around_the_depth(text):
    body = f'{{"model": "m", "x": {text}}}'
    assert depth(json.loads(body)) > MOST_LEVELS
    with pytest.raises(BackendError, match="nested deeper"):
        Envelope.parse(body.encode())


@pytest.mark.parametrize(
    "body", [b'{"model":"\\ud800"}', b'{"\\ud800":1,"model":"a"}', b'{"model":"a","x":1e}', b'{"model":"a","x":"\n"}']
)
def test_what_python_would_let_pass_is_refused(body):
    with pytest.raises(BackendError, match=r"not valid JSON|must be a string"):
        Envelope.parse(body)


def test_numbers_of_any_size_and_deep_escapes_pass_unchanged():
    body = b'{"model":"a","n":' + b"9" * 5000 + b',"e":1e999,"s":"\\ud83d\\ude00"}'
    envelope = Envelope.parse(body)
    assert envelope.with_model("a") == body


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"", None, "not valid JSON"),
        (b"{", None, "not valid JSON"),
        (b"[]", None, "not a JSON object"),
        (b"\xff", None, "not valid UTF-8"),
        (b"{}", "model", "missing"),
        (b'{"model": 3}', "model", "a string"),
        (b'{"model": ""}', "model", "not a model name"),
        (b'{"model": "a\\u0000b"}', "model", "not a model name"),
        (b'{"model": "' + b"x" * 300 + b'"}', "model", "not a model name"),
        (b'{"model": "m", "stream": "yes"}', "stream", "true or false"),
        (b'{"model": "m", "stream": 1}', "stream", "true or false"),
        (b'{"model": "m"} x', None, "not valid JSON"),
        (b'{"model": "m", "a": NaN}', None, "not valid JSON"),
        (b"[" * 100_000, None, "not a JSON object"),
        (b'{"a":' * 100_000, None, "nested deeper"),
    ],
)
def test_refusals_name_the_field(body, param, words):
    with pytest.raises(BackendError, match=words) as caught:
        Envelope.parse(body)
    assert caught.value.param == param


def test_the_last_of_two_models_is_the_one_that_is_checked_and_sent():
    envelope = Envelope.parse(b'{"model": "a", "mod\\u0065l": "b"}')
    assert envelope.model == "b"
    assert json.loads(envelope.with_model("b")) == {"model": "b"}
    assert envelope.with_model("b").count(b"model") == 1


def test_null_stream_is_no_stream_and_raw_fields_are_there():
    envelope = Envelope.parse(b'{"model":"m","stream":null,"n":  2}')
    assert not envelope.stream
    assert bytes(envelope.get("n")) == b"2"
    assert envelope.get("none") is None
