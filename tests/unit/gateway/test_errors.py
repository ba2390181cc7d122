"""The table of causes: complete, within HTTP, and telling clients nothing that is private."""

from typing import get_args

import pytest
from msgspec.json import decode, encode

from backends.errors import BackendError, Cause
from gateway.errors import TABLE, openai_envelope
from gateway.telemetry.exchange import Outcome

ANTHROPIC = {
    "invalid_request_error", "authentication_error", "permission_error", "not_found_error", "request_too_large",
    "rate_limit_error", "overloaded_error", "timeout_error", "api_error",
    "billing_error",
}  # fmt: skip


def test_every_cause_has_its_row():
    assert TABLE.keys() == set(Cause)


@pytest.mark.parametrize("cause", list(Cause))
def test_a_row_says_one_thing(cause):
    row = TABLE[cause]
    assert 400 <= row.status <= 599
    assert row.outcome in get_args(Outcome)
    assert row.anthropic_type in ANTHROPIC
    assert (row.outcome in ("client_error", "not_found", "rate_limited", "cancelled")) <= (row.status < 500)
    assert (row.openai_type == "server_error") == (row.status >= 500)
    assert row.falls_back or not row.retryable, "what is tried again on the same engine is tried elsewhere too"


def test_only_a_defect_of_ours_is_a_500():
    assert [cause for cause, row in TABLE.items() if row.status == 500] == [Cause.INTERNAL]


def test_a_clients_own_fault_is_nowhere_else_either():
    ours = {Cause.INVALID_REQUEST, Cause.AUTH, Cause.FORBIDDEN, Cause.NOT_FOUND, Cause.CONTENT_REFUSED}
    ours.add(Cause.BUDGET_EXCEEDED)
    assert not [cause for cause in ours if TABLE[cause].falls_back]


@pytest.mark.parametrize("cause", list(Cause))
def test_the_envelope_has_openais_four_fields_and_nothing_private(cause):
    error = BackendError(cause, "shown", param="messages[0].role", private="hidden", retry_after=3, upstream_status=500)
    sent = decode(encode(openai_envelope(error)))
    assert sent == {
        "error": {
            "message": "shown",
            "type": TABLE[cause].openai_type,
            "param": "messages[0].role",
            "code": TABLE[cause].code,
        }
    }


def test_an_errors_own_code_wins():
    error = BackendError(Cause.FORBIDDEN, "no", code="host_not_allowed")
    assert openai_envelope(error).error.code == "host_not_allowed"
    assert openai_envelope(error).error.param is None
