"""What becomes of an attempt that failed."""

import pytest

from backends.errors import BackendError, Cause
from gateway.jobs.outcome import Outcome, delay_of, outcome_of


@pytest.mark.parametrize(
    ("cause", "outcome", "delay"),
    [
        (Cause.NO_CAPACITY, "later", 5.0),
        (Cause.DRAINING, "later", 0.0),
        (Cause.STREAM_BROKEN, "again", 0.0),
        (Cause.LOAD_FAILED, "again", 10.0),
        (Cause.STORAGE, "again", 30.0),
        (Cause.INVALID_REQUEST, "never", 0.0),
        (Cause.OUT_OF_MEMORY, "never", 0.0),
        (Cause.CANNOT_FIT, "never", 0.0),
        (Cause.NOT_FOUND, "never", 0.0),
    ],
)
def test_by_its_cause(cause: Cause, outcome: Outcome, delay: float) -> None:
    error = BackendError(cause, "x")
    assert (outcome_of(error), delay_of(error)) == (outcome, delay)


def test_a_backend_that_names_a_time_gets_it() -> None:
    assert delay_of(BackendError(Cause.NO_CAPACITY, "x", retry_after=40.0)) == 40.0
    assert delay_of(BackendError(Cause.NO_CAPACITY, "x", retry_after=0.1)) == 1.0
