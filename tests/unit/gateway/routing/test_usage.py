"""Token counts in whatever an engine says at its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.usage import NONE, Tokens, from_tail

USAGE = b'"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}'


@pytest.mark.parametrize(
    ("tail", "tokens"),
    [
        (b"{" + USAGE + b"}", Tokens(7, 2)),
        (b'{"usage": {"prompt_tokens": 7, "completion_tokens": 2}}', Tokens(7, 2)),
        (b'{"usage":\n  {"prompt_tokens":7}}', Tokens(7, 0)),
        (b'{"usage":{}}', NONE),
        (b"data: {" + USAGE + b"}\n\ndata: [DONE]\n\n", Tokens(7, 2)),
        (b"data: {" + USAGE + b'}\n\ndata: {"usage":null}\n\ndata: [DONE]\n\n', Tokens(7, 2)),
        (b'data: {"usage":{"prompt_tokens":1}}\n\ndata: {' + USAGE + b"}\n\n", Tokens(7, 2)),
        ((b'{"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":5},'
         b'"completion_tokens_details":{"reasoning_tokens":1}}}'), Tokens(7, 2, 5, 1)),
        (b'{"usage":{"prompt_tokens":7,"prompt_tokens_details":null,"completion_tokens_details":{}}}', Tokens(7)),
        (b'{"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":null}}}', Tokens(7)),
        (b'{"usage":{"prompt_tokens":7,"x":{"y":{}},"completion_tokens":2},"timings":{}}', Tokens(7, 2)),
        (b"", NONE),
        (b'{"choices":[]}', NONE),
        (b'"usage":', NONE),
        (b'"usage":{', NONE),
        (b'"usage":{"prompt_tokens":7', NONE),
        (b'"usage":{"prompt_tokens":{}', NONE),
        (b'{"usage":null}', NONE),
        (b'[{"usage":null},{"prompt_tokens":3}]', NONE),
        (b'{"usage":7,"a":{"prompt_tokens":3}}', NONE),
        (b'{"usage":{"prompt_tokens":"7"}}', NONE),
        (b'{"usage":{"prompt_tokens":7.5}}', NONE),
        (b'{"usage":{"prompt_tokens":null}}', NONE),
        (b'{"usage":{"prompt_tokens":-7}}', NONE),
        (b'{"usage":{"prompt_tokens":' + b"9" * 40 + b"}}", NONE),
        (b'{"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":-1}}}', NONE),
        (b'{"usage":{"x":' + b"[" * 4000 + b"]" * 4000 + b"}}", NONE),
        (b'{"content":"\\"usage\\":{\\"prompt_tokens\\":3}"}', NONE),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else "",
)  # fmt: skip
def test_what_is_found(tail, tokens):
    assert from_tail(tail) == tokens


def test_nonsense_after_good_counts_does_not_hide_them():
    assert from_tail(b"{" + USAGE + b'}\n{"usage":{"prompt_tokens":-1}}') == Tokens(7, 2)


PARTS = [USAGE, b'"usage":', b"{", b"}", b'"prompt_tokens":', b"1", b"-", b"null", b",", b'"', b"[", b"\\", b" "]


@given(st.binary(max_size=60) | st.lists(st.sampled_from(PARTS), max_size=12).map(b"".join))
def test_any_bytes_give_counts_that_a_counter_takes(tail):
    found = from_tail(tail)
    assert min(found.input, found.output, found.cached, found.reasoning) >= 0


def test_what_is_put_into_a_cache_is_counted_in_both_dialects():
    native = b'{"usage":{"input_tokens":5,"cache_creation_input_tokens":7,"output_tokens":2}}'
    assert from_tail(native) == Tokens(input=12, output=2, cache_write=7)
    chat = b'{"usage":{"prompt_tokens":12,"completion_tokens":2,"prompt_tokens_details":{"cache_write_tokens":7}}}'
    assert from_tail(chat) == Tokens(input=12, output=2, cache_write=7)
