"""What a backend's refusal means, and how much of its words anybody sees."""

import pytest

from backends.errors import Cause
from backends.http.refusal import refusal

OPENAI = b'{"error": {"message": "too long", "type": "x", "param": "messages", "code": "%s"}}'


@pytest.mark.parametrize(
    ("status", "body", "cause", "detail"),
    [
        (400, OPENAI % b"context_length_exceeded", Cause.CONTEXT_LENGTH, "too long"),
        (400, OPENAI % b"other", Cause.INVALID_REQUEST, "too long"),
        (422, b"{}", Cause.INVALID_REQUEST, "the backend answered 422"),
        (404, b'{"error": {"message": "no such model"}}', Cause.NOT_FOUND, "no such model"),
        (413, b"", Cause.TOO_LARGE, "the backend answered 413"),
        (401, OPENAI % b"invalid_api_key", Cause.UPSTREAM_ERROR, "the backend answered 401"),
        (500, OPENAI % b"x", Cause.UPSTREAM_ERROR, "the backend answered 500"),
        (503, b"\xff", Cause.UPSTREAM_ERROR, "the backend answered 503"),
        (504, b"", Cause.UPSTREAM_TIMEOUT, "the backend answered 504"),
        (400, b'{"error": "text"}', Cause.INVALID_REQUEST, "the backend answered 400"),
        (400, b"[" * 50_000, Cause.INVALID_REQUEST, "the backend answered 400"),
    ],
)
def test_refusals(status, body, cause, detail):
    error = refusal(status, [], body)
    assert (error.cause, error.detail, error.upstream_status) == (cause, detail, status)
    assert len(error.private) <= 600


VLLM = b'{"error": {"message": "%s", "type": "BadRequestError", "param": "input_tokens", "code": 400}}'
LONG = [
    (
        b"This model's maximum context length is 1024 tokens. However, your prompt contains at least 1025 "
        b"input tokens, which exceeds this limit even without any output tokens."
    ),
    (
        b"This model's maximum context length is 1024 tokens. However, your prompt contains 90000 characters "
        b"(more than 16384 characters, which is the upper bound for 1024 input tokens)."
    ),
    b"Input length (2000) exceeds model's maximum context length (1024).",
    b"The decoder prompt (length 2000) is longer than the maximum model length of 1024. Make sure that so and so.",
]


@pytest.mark.parametrize("words", LONG)
def test_a_prompt_that_is_too_long_for_vllm_is_that_and_not_a_mistake(words):
    error = refusal(400, [], VLLM % words)
    assert (error.cause, error.detail) == (Cause.CONTEXT_LENGTH, words.decode()), "with the numbers, for who overflows"
    assert (error.param, error.code) == (None, None), "the table's code, and no field that the client never sent"


def test_what_only_speaks_of_a_maximum_is_a_mistake_still():
    error = refusal(400, [], VLLM % b"max_tokens cannot be greater than max_model_len=1024. Please request fewer.")
    assert error.cause is Cause.INVALID_REQUEST


@pytest.mark.parametrize(
    "words",
    [
        b"The engine is currently busy and cannot accept new requests. Please try again later or on a different one.",
        b"The engine has reached its prefill token backlog limit. Please try again later or on a different instance.",
    ],
)
def test_an_engine_that_is_full_says_so_with_503(words):
    error = refusal(503, [], b'{"error": {"message": "%s", "type": "Service Unavailable", "code": 503}}' % words)
    assert (error.cause, error.upstream_status, error.retry_after) == (Cause.NO_CAPACITY, 503, None)
    assert error.detail == "the backend answered 503", "its words are for the log"
    assert refusal(500, [], VLLM % words).cause is Cause.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("value", "seconds"), [(b"7", 7.0), (b"1.5", 1.5), (b"soon", None), (b"-1", None), (b"1e9", None), (b"nan", None)]
)
def test_retry_after(value, seconds):
    assert refusal(429, [(b"retry-after", value)], b"").retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        ([(b"x", b"1"), (b"retry-after", b"\xff")], None),
        ([(b"retry-after", b"inf")], None),
        ([(b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT")], None),
        ([(b"retry-after", b"3600")], 3600.0),
        ([(b"retry-after", b"3600.1")], None),
    ],
)
def test_waits_that_make_no_sense_are_none(headers, seconds):
    assert refusal(503, headers, b"").retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": 3}}',
        b'{"error": {"message": "\\ud800"}}',
        b'{"error": {"message": "a", "param": 7}}',
        b'{"error": null}',
        b"[]",
        b'{"error": {"message": "\xff"}}',
        b'{"error": {"x": ' + b"[" * 5000,
        b'{"error": {"message": ""}}',
    ],
)
def test_words_of_another_shape_are_for_the_log_only(body):
    error = refusal(400, [], body)
    assert (error.cause, error.detail) == (Cause.INVALID_REQUEST, "the backend answered 400")
    assert (error.param, error.code) == (None, None)
    assert error.private.startswith(body[:8].decode())


def test_words_are_bounded():
    body = b'{"error": {"message": "%b", "param": "%b", "code": "%b"}}' % (b"m" * 9999, b"p" * 9999, b"c" * 9999)
    error = refusal(400, [], body)
    assert (len(error.detail), len(error.param), len(error.code)) == (512, 128, 128)


@pytest.mark.parametrize("code", ["7", "null"])
def test_a_code_that_is_no_name_is_dropped(code):
    error = refusal(404, [], b'{"error": {"message": "no such model", "code": %b}}' % code.encode())
    assert (error.cause, error.detail, error.code) == (Cause.NOT_FOUND, "no such model", None)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (100, Cause.UPSTREAM_ERROR),
        (302, Cause.UPSTREAM_ERROR),
        (403, Cause.UPSTREAM_ERROR),
        (405, Cause.UPSTREAM_PROTOCOL),
        (408, Cause.UPSTREAM_TIMEOUT),
        (415, Cause.UPSTREAM_PROTOCOL),
        (418, Cause.UPSTREAM_ERROR),
        (429, Cause.UPSTREAM_RATE_LIMITED),
        (529, Cause.UPSTREAM_ERROR),
        (999, Cause.UPSTREAM_ERROR),
    ],
)
def test_what_is_not_the_clients_business_is_not_said(status, cause):
    error = refusal(status, [], b'{"error": {"message": "secret", "param": "x", "code": "y"}}')
    assert (error.cause, error.detail, error.upstream_status) == (cause, f"the backend answered {status}", status)
    assert "secret" in error.private
    assert (error.param, error.code) == (None, None)
