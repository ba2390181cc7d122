"""Errors of the Messages API as causes; what is the client's business, and what the account's."""

import typing

import pytest
from anthropic.types.shared import ErrorType

from backends.errors import Cause
from backends.translate.claude.failures import refusal
from gateway.errors import TABLE
from tests.unit.backends.translate.claude.cases import error_body

LONG = "prompt is too long: 210000 tokens > 200000 maximum"
ROOM = "input length and `max_tokens` exceed context limit: 1 + 2 > 3, decrease input length"
WINDOW = "The prompt exceeds the context window of this model."
POOR = "Your credit balance is too low to access the Anthropic API."
KINDS = [
    (400, "invalid_request_error", "messages: bad", Cause.INVALID_REQUEST),
    (400, "invalid_request_error", LONG, Cause.CONTEXT_LENGTH),
    (400, "invalid_request_error", ROOM, Cause.CONTEXT_LENGTH),
    (400, "invalid_request_error", WINDOW, Cause.CONTEXT_LENGTH),
    (413, "request_too_large", LONG, Cause.CONTEXT_LENGTH),
    (400, "invalid_request_error", POOR, Cause.PROVIDER_ACCOUNT),
    (400, "invalid_request_error", "Output blocked by content filtering policy", Cause.CONTENT_REFUSED),
    (401, "authentication_error", "invalid x-api-key", Cause.PROVIDER_ACCOUNT),
    (402, "billing_error", "no", Cause.PROVIDER_ACCOUNT),
    (403, "permission_error", "no", Cause.PROVIDER_ACCOUNT),
    (404, "not_found_error", "model: claude-opus-4", Cause.NOT_FOUND),
    (409, "conflict_error", "no", Cause.UPSTREAM_ERROR),
    (413, "request_too_large", "no", Cause.TOO_LARGE),
    (429, "rate_limit_error", "slow", Cause.UPSTREAM_RATE_LIMITED),
    (500, "api_error", "oops", Cause.UPSTREAM_ERROR),
    (504, "timeout_error", "late", Cause.UPSTREAM_TIMEOUT),
    (529, "overloaded_error", "Overloaded", Cause.NO_CAPACITY),
    (400, "new_error", "no", Cause.INVALID_REQUEST),
    (418, "new_error", "no", Cause.UPSTREAM_ERROR),
]


@pytest.mark.parametrize(("status", "kind", "words", "cause"), KINDS)
def test_a_kind_is_a_cause(status, kind, words, cause):
    error = refusal(status, error_body(kind, words))
    assert (error.cause, error.upstream_status) == (cause, status)
    shown = cause in (Cause.INVALID_REQUEST, Cause.CONTEXT_LENGTH, Cause.NOT_FOUND, Cause.TOO_LARGE)
    assert (error.detail == words) == shown
    assert words in (error.detail if shown else error.private)


def test_every_kind_of_the_sdk_is_known():
    """Those of its stores of memory are of other routes."""
    elsewhere = {"memory_precondition_failed_error", "memory_path_conflict_error"}
    assert set(typing.get_args(ErrorType)) - elsewhere <= {kind for _, kind, _, _ in KINDS}


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"{}", b'{"error": "x"}', b"\xff", b"[" * 100_000])
@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (529, Cause.NO_CAPACITY),
        (503, Cause.NO_CAPACITY),
        (502, Cause.UPSTREAM_ERROR),
        (401, Cause.PROVIDER_ACCOUNT),
        (408, Cause.UPSTREAM_TIMEOUT),
    ],
)
def test_without_an_envelope_the_status_tells(body, status, cause):
    error = refusal(status, body, retry_after=3)
    assert (error.cause, error.retry_after) == (cause, 3)
    assert "html" not in error.detail
    assert len(error.private) <= 512


def test_a_stranger_is_not_quoted():
    assert "secret" not in refusal(400, b"secret page").detail


def test_what_may_pass_is_tried_elsewhere():
    for status, kind, words, cause in KINDS:
        mendable = cause in (Cause.INVALID_REQUEST, Cause.NOT_FOUND, Cause.TOO_LARGE, Cause.CONTENT_REFUSED)
        assert TABLE[refusal(status, error_body(kind, words)).cause].falls_back != mendable
