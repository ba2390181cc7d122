"""One exception for everything that can go wrong; what is private stays so."""

import pytest

from backends.errors import BackendError, Cause
from gateway.errors import TABLE, openai_envelope

SECRET = "the last words of the engine"


def test_all_that_is_not_said_is_empty() -> None:
    error = BackendError(Cause.INTERNAL, "internal error")
    assert str(error) == error.detail == "internal error"
    assert (error.param, error.code, error.private, error.retry_after, error.upstream_status) == (
        None, None, "", None, None,
    )  # fmt: skip


def test_what_is_private_shows_up_nowhere() -> None:
    error = BackendError(Cause.LOAD_FAILED, "it did not start", private=SECRET, param="model", code="x")
    assert error.private == SECRET
    assert SECRET not in f"{error} {error!r} {error.args}"
    assert repr(error) == "BackendError(load_failed, 'it did not start')"
    shown = openai_envelope(error).error
    assert (shown.message, shown.param, shown.code) == ("it did not start", "model", "x")


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_meaning_for_clients(cause: Cause) -> None:
    row = TABLE[cause]
    assert 400 <= row.status <= 599
    assert cause.value == cause.name.lower()
    assert openai_envelope(BackendError(cause, "words")).error.type == row.openai_type
    if row.retryable:
        assert row.falls_back, "what may be tried again may be tried elsewhere"


def test_the_table_has_no_row_too_many() -> None:
    assert set(TABLE) == set(Cause)


def test_its_own_code_goes_before_the_causes() -> None:
    assert openai_envelope(BackendError(Cause.NOT_FOUND, "no")).error.code == "model_not_found"
    assert openai_envelope(BackendError(Cause.NOT_FOUND, "no", code="unknown_url")).error.code == "unknown_url"
