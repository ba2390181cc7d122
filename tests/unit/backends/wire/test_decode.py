"""Bodies to typed values: whatever comes, a value or a refusal in words that names its field."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.wire.decode import decode, explain
from backends.wire.openai_chat import ChatRequest
from backends.wire.openai_completions import CompletionRequest
from backends.wire.openai_embeddings import EmbeddingRequest

WANTED = st.sampled_from([ChatRequest, CompletionRequest, EmbeddingRequest])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ["model", "messages", "prompt", "input", "temperature", "tools", "stop", "logit_bias", "stream", "n", "seed"]
REQUESTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)


def refused(body: bytes, wanted: type = ChatRequest) -> BackendError:
    with pytest.raises(BackendError) as caught:
        decode(body, wanted)
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert len(caught.value.detail) <= 700
    return caught.value


@settings(max_examples=400)
@given(st.binary(max_size=80) | REQUESTS.map(lambda value: json.dumps(value).encode()), WANTED)
def test_anything_is_a_value_or_a_refusal(body, wanted):
    try:
        value = decode(body, wanted)
    except BackendError as error:
        assert (error.cause, bool(error.detail)) == (Cause.INVALID_REQUEST, True)  # noqa: PT017  # either may happen
        json.dumps(error.detail).encode()
        (error.param or "").encode()
    else:
        assert isinstance(value, wanted)
        assert msgspec.json.encode(value)


MESSAGES = '"messages":[{"role":"user","content":"a"}]'


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ("[]", None, "object"),
        ("{}", "model", "missing"),
        ('{"model":"m"}', "messages", "missing"),
        (f'{{"model":7,{MESSAGES}}}', "model", "str"),
        ('{"model":"m","messages":7}', "messages", "array"),
        ('{"model":"m","messages":[7]}', "messages[0]", "object"),
        (f'{{"model":"m",{MESSAGES},"temperature":"hot"}}', "temperature", "float"),
        (f'{{"model":"m",{MESSAGES},"seed":{"9" * 5000}}}', "seed", "range"),
        (f'{{"model":"m",{MESSAGES},"logit_bias":{{"a":"b"}}}}', "logit_bias[...]", ""),
    ],
)
def test_a_refusal_names_the_field(body, param, words):
    error = refused(body.encode())
    assert error.param == param
    assert words in error.detail


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b'{"model":"\xff"}', "UTF-8 (byte 10)"),
        (b'{"model":"m","unknown":"\xff"}', "UTF-8"),
        (b'{"model":"\\ud800"}', "JSON"),
        (b'{"model":"\\ud800\\u0041"}', "JSON"),
        (b'{"model":"m","x":NaN}', "JSON"),
        (b'{"model":"m","x":01}', "JSON"),
        (b'\xef\xbb\xbf{"model":"m"}', "JSON"),
        (b'{"model":"m","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "nested"),
        (b'{"model":"m","x":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "nested"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_is_no_json_is_said_to_be_none(body, words):
    error = refused(body)
    assert words in error.detail
    assert error.param is None


def test_of_a_field_said_twice_the_last_counts():
    assert decode(f'{{"model":"a","mod\\u0065l":"b",{MESSAGES}}}'.encode(), ChatRequest).model == "b"


def test_a_hundred_levels_in_a_field_that_is_skipped_pass():
    body = f'{{"model":"a",{MESSAGES},"unknown":{"[" * 100}{"]" * 100}}}'
    assert decode(body.encode(), ChatRequest).model == "a"


@pytest.mark.parametrize(
    ("message", "detail", "param"),
    [
        ("Expected `int`, got `str` - at `$.n`", "n: Expected `int`, got `str`", "n"),
        ("Expected `int`, got `str` - at `$[0].n`", "[0].n: Expected `int`, got `str`", "[0].n"),
        ("Expected `str` - at `key in $.a`", "a: Expected `str`", "a"),
        ("Object missing required field `x`", "x: Object missing required field `x`", "x"),
        ("Object contains unknown field `y` - at `$.a`", "a.y: Object contains unknown field `y`", "a.y"),
        ("Expected `object`, got `int`", "Expected `object`, got `int`", None),
    ],
)
def test_how_msgspec_is_read(message, detail, param):
    assert explain(message) == (detail, param)


def test_long_words_are_cut():
    detail, param = explain("x" * 1000)
    assert (len(detail), detail[-1], param) == (300, "…", None)
