"""The pure part of jobs: which status may follow which, and that no way through them loses or loops a job."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backends.errors import Cause
from gateway.jobs.job import (
    ENDED,
    FOLLOWS,
    LIVE,
    Failure,
    Job,
    Status,
    after_loss,
    gateway_of,
    may_follow,
    new_id,
    precede,
    request_digest,
    worker_name,
)

BROKEN = Failure(cause=Cause.STREAM_BROKEN, message="the engine died")
STATUSES: tuple[Status, ...] = get_args(Status)


def test_every_status_has_its_followers():
    assert set(FOLLOWS) == set(STATUSES)
    assert set(STATUSES) == LIVE | ENDED
    assert not LIVE & ENDED
    assert set().union(*FOLLOWS.values()) == set(STATUSES), "each can be reached"


def test_nothing_that_has_ended_lives_again():
    assert not any(may_follow(before, after) for before in ENDED for after in LIVE)
    assert [(b, a) for b in STATUSES for a in STATUSES if b in ENDED and may_follow(b, a)] == [("completed", "expired")]


@pytest.mark.parametrize("after", STATUSES)
def test_what_precedes_is_what_is_followed(after: Status):
    assert set(precede(after)) == {before for before in STATUSES if after in FOLLOWS[before]}


def test_a_result_comes_only_from_running():
    assert precede("completed") == precede("failed") == precede("queued") == ("in_progress",)
    assert precede("cancelled") == ("queued", "in_progress")


@given(used=st.integers(0, 5), attempts=st.integers(1, 5), cancelled=st.booleans())
def test_a_loss_is_a_step_that_running_may_take(used: int, attempts: int, cancelled: bool):
    verdict = after_loss(used=used, attempts=attempts, cancel_requested=cancelled, failure=BROKEN)
    assert may_follow("in_progress", verdict.status)
    assert (verdict.failure == BROKEN) == (verdict.status == "failed")
    assert (verdict.status == "cancelled") == cancelled
    assert (verdict.status == "queued") == (not cancelled and used < attempts)


class Lives(RuleBasedStateMachine):
    """One job under everything that may happen to it, in any order; ``step`` refuses what may not follow."""

    @initialize(attempts=st.integers(1, 3))
    def begin(self, attempts: int) -> None:
        self.status: Status = "queued"
        self.attempts, self.attempt, self.returned, self.losses = attempts, 0, 0, 0
        self.cancel_requested = False
        self.failure: Failure | None = None
        self.was: list[Status] = ["queued"]

    def step(self, after: Status) -> None:
        if may_follow(self.status, after):
            self.status = after
            self.was.append(after)

    @precondition(lambda self: self.status == "queued")
    @rule()
    def claim(self) -> None:
        self.step("in_progress")
        self.attempt += 1

    @precondition(lambda self: self.status == "in_progress")
    @rule()
    def lose(self) -> None:
        used = self.attempt - self.returned
        verdict = after_loss(used=used, attempts=self.attempts, cancel_requested=self.cancel_requested, failure=BROKEN)
        self.step(verdict.status)
        assert self.status == verdict.status
        self.failure = verdict.failure
        self.losses += 1

    @precondition(lambda self: self.status == "in_progress" and not self.cancel_requested)
    @rule()
    def give_back(self) -> None:
        self.step("queued")
        self.returned += 1

    @rule()
    def cancel(self) -> None:
        if self.status == "queued":
            self.step("cancelled")
        elif self.status == "in_progress":
            self.cancel_requested = True

    @rule(after=st.sampled_from(["completed", "failed", "cancelled"]))
    def end(self, after: Status) -> None:
        if self.status == "in_progress":
            self.step(after)

    @rule()
    def expire(self) -> None:
        self.step("expired")

    @invariant()
    def no_attempt_is_made_that_was_not_promised(self) -> None:
        assert 0 <= self.attempt - self.returned <= self.attempts
        assert self.losses <= self.attempts

    @invariant()
    def what_is_cancelled_is_never_queued_again(self) -> None:
        if self.cancel_requested:
            assert self.status != "queued"

    @invariant()
    def it_ends_once(self) -> None:
        ends = [status for status in self.was if status in ENDED]
        assert ends in ([], [self.status], ["completed", "expired"])
        if "expired" in ends[1:]:
            assert ends[0] == "completed"

    @invariant()
    def a_failure_is_told_when_attempts_are_used_up(self) -> None:
        if self.failure:
            assert self.status == "failed"
            assert self.losses == self.attempts


TestLives = Lives.TestCase


def test_attempts_used_are_those_not_given_back():
    job = Job(
        id="j", owner="", kind="video", model="m", spec=b"", status="queued", created_at=0, run_at=0,
        attempt=5, returned=4,
    )  # fmt: skip
    assert job.attempts_used == 1


def test_ids_have_a_hundred_and_twenty_eight_bits():
    ids = {new_id("video") for _ in range(100)}
    assert len(ids) == 100
    assert all(len(bytes.fromhex(one.removeprefix("video_"))) == 16 for one in ids)


def test_a_worker_is_a_run_of_its_gateway():
    assert gateway_of(worker_name("a/b")) == "a/b"
    assert worker_name("a") != worker_name("a")


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_digests_are_equal_only_for_the_same_parts(one: list[bytes], other: list[bytes]):
    assert (request_digest(*one) == request_digest(*other)) == (one == other)
    assert len(request_digest(*one)) == 64
