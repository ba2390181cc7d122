"""Errors as answers: status, headers and envelope; nothing of what is private, and a defect that says only that."""

import logging

import pytest
from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.testing import RequestFactory
from msgspec.json import decode

from backends.errors import BackendError, Cause
from gateway.errors import TABLE
from gateway.http.replies import (
    EXCHANGE,
    error_body,
    error_headers,
    error_response,
    note_failure,
    on_exception,
    on_http_exception,
    unhandled,
)
from gateway.telemetry.exchange import Exchange

CANARY = "canary of a prompt"


def request(path: str = "/nowhere", headers=None):
    made = RequestFactory(app=Litestar(logging_config=None)).get(path, headers=headers)
    made.scope[EXCHANGE] = Exchange("req_1", "GET", path, 0.0)
    return made


def exchange_of(made) -> Exchange:
    return made.scope[EXCHANGE]


def message(response) -> dict:
    return decode(response.content)["error"]


@pytest.mark.parametrize(("seconds", "sent"), [(0.0, b"1"), (0.2, b"1"), (1.0, b"1"), (1.1, b"2"), (59.9, b"60")])
def test_retry_after_is_in_whole_seconds_and_never_zero(seconds, sent):
    assert (b"retry-after", sent) in error_headers(BackendError(Cause.QUEUE_FULL, "x", retry_after=seconds))


def test_without_a_wait_there_is_no_retry_after():
    assert error_headers(BackendError(Cause.QUEUE_FULL, "x")) == [(b"content-type", b"application/json")]


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_is_answered_with_its_status(cause):
    response = error_response(request(), BackendError(cause, "detail", private=CANARY, retry_after=3))
    assert response.status_code == TABLE[cause].status
    assert response.headers["retry-after"] == "3"
    assert CANARY.encode() not in response.content
    assert message(response)["message"] == "detail"


@pytest.mark.parametrize(
    ("path", "headers", "anthropic"),
    [
        ("/v1/messages", {}, True),
        ("/v1/messages/batches", {}, True),
        ("/v1/messages-of-mine", {}, False),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, True),
        ("/v1/models/org/x", {"anthropic-version": "2023-06-01"}, True),
        ("/v1/models", {}, False),
        ("/v1/chat/completions", {"anthropic-version": "2023-06-01"}, False),
    ],
)
def test_a_refusal_is_told_in_the_dialect_of_the_route(path, headers, anthropic):
    response = error_response(request(path, headers), BackendError(Cause.NOT_FOUND, "no such thing"))
    said = decode(response.content)
    assert said["error"]["message"] == "no such thing"
    if anthropic:
        assert (said["type"], said["error"]["type"]) == ("error", "not_found_error")
        assert said["request_id"] == response.headers["request-id"] == "req_1"
    else:
        assert set(said) == {"error"}
        assert "request-id" not in response.headers


def test_an_engines_words_are_shown_without_credentials():
    secret = "sk-canary-abcdefghijklmnop"
    said = BackendError(Cause.INVALID_REQUEST, f"bad {secret}", upstream_status=400)
    assert decode(error_body(said))["error"]["message"] == "bad [redacted]"
    ours = BackendError(Cause.NOT_FOUND, f"no model {secret}")
    assert secret in decode(error_body(ours))["error"]["message"], "what the client sent may come back to it"


def test_a_failure_is_noted_for_metrics_and_the_access_line():
    exchange = Exchange("req_1", "GET", "/", 0.0)
    note_failure(exchange, BackendError(Cause.UPSTREAM_TIMEOUT, "x", private="tail"))
    assert (exchange.cause, exchange.outcome, exchange.private) == ("upstream_timeout", "timeout", "tail")


@pytest.mark.parametrize(
    ("status", "cause", "code"),
    [
        (400, Cause.INVALID_REQUEST, None),
        (401, Cause.AUTH, "invalid_api_key"),
        (404, Cause.NOT_FOUND, "unknown_url"),
        (405, Cause.METHOD_NOT_ALLOWED, "method_not_allowed"),
        (413, Cause.TOO_LARGE, "request_too_large"),
        (415, Cause.UNSUPPORTED_MEDIA, "unsupported_media_type"),
        (418, Cause.INVALID_REQUEST, None),
        (500, Cause.INTERNAL, "internal"),
        (503, Cause.INTERNAL, "internal"),
    ],
)
def test_refusals_of_the_framework_are_said_in_our_words(status, cause, code):
    made = request()
    response = on_http_exception(made, HTTPException(status_code=status, detail=CANARY))
    assert response.status_code == TABLE[cause].status
    assert (message(response)["code"], exchange_of(made).cause) == (code, cause.value)
    assert CANARY.encode() not in response.content


def test_an_unknown_path_is_quoted_in_part():
    said = message(on_http_exception(request("/" + "x" * 500), HTTPException(status_code=404)))["message"]
    assert said.startswith("there is no GET /xxx")
    assert len(said) < 120


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1/v1/chat/completions", "leave it out of the base URL"),
        ("/chat/completions", "the base URL ends in /v1"),
        ("/models", "the base URL ends in /v1"),
        ("/v1/responses", None),
    ],
)
def test_slips_with_the_base_url_get_a_hint(path, hint):
    said = message(on_http_exception(request(path), HTTPException(status_code=404)))["message"]
    assert said.startswith(f"there is no GET {path}")
    assert said.endswith(hint or path)


def test_a_defect_tells_the_client_nothing_and_the_log_where_it_is_but_not_what_it_says(caplog):
    made = request()
    with caplog.at_level(logging.ERROR, "forebay.http"):
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            response = on_exception(made, error)
    assert message(response) == {"message": "internal error", "type": "server_error", "param": None, "code": "internal"}
    assert exchange_of(made).cause == "internal"
    (record,) = caplog.records
    assert record.getMessage() == "unhandled KeyError"
    assert "test_replies.py" in record.tail
    assert CANARY not in f"{record.getMessage()}{record.exc_info}{record.tail.replace('raise KeyError(CANARY)', '')}"


def test_a_defect_without_a_traceback_is_one_too():
    assert unhandled(ValueError(CANARY)).cause is Cause.INTERNAL
