"""Jobs as their workers see them, on SQLite and on PostgreSQL: claimed once, fenced, ended once."""

import threading
from collections import Counter

import pytest
from msgspec import structs

from backends.errors import Cause
from gateway.jobs.job import Artifact, Failure, Progress
from tests.job_fixtures import LEASE, Gateway, database, gateway, gateway_on, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401

# ruff: noqa: F811

FILM = Artifact(name="video", key="videos/a/1/video.mp4", media_type="video/mp4", size=1000, digest="d" * 64)
BROKEN = Failure(cause=Cause.STREAM_BROKEN, message="the engine died")


def test_eight_workers_of_two_gateways_claim_two_hundred_jobs_once_each(gateway: Gateway, opener):
    made = {gateway.create(priority=number % 3).id for number in range(200)}
    gateways = [gateway_on(gateway.database, "one/1"), gateway_on(opener(), "two/1")]
    gate, claimed, ended = threading.Barrier(8), [], []

    def work(number: int) -> None:
        claims = gateways[number % 2].claims
        gate.wait(60)
        while (job := claims.claim()) is not None:
            claimed.append(job)
            ended.append(claims.finish(job, (FILM,)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(job.id for job in claimed) == Counter(made), "each once, none left out"
    assert {(job.status, job.attempt) for job in ended} == {("completed", 1)}
    assert {job.worker for job in ended} <= {"one/1", "two/1"}


def test_the_highest_priority_first_then_the_longest_waiting(gateway: Gateway):
    made = [gateway.create(priority=priority) for priority in (0, 5, 0, 5, -1)]
    order = [gateway.claims.claim() for _ in made]
    assert [job.id for job in order] == [made[at].id for at in (1, 3, 0, 2, 4)]
    assert gateway.claims.claim() is None


def test_a_worker_may_name_the_models_it_has(gateway: Gateway):
    for model in ("a", "b", "c"):
        gateway.create(model=model)
    assert gateway.claims.claim(()) is None
    assert gateway.claims.claim({"x"}) is None
    seen = [gateway.claims.claim({"b", "c"}) for _ in range(3)]
    assert [job and job.model for job in seen] == ["b", "c", None]


def test_jobs_of_another_kind_are_not_claimed(gateway: Gateway):
    gateway.create(kind="batch")
    assert gateway.claims.claim() is None


def test_a_claim_says_who_runs_the_job_and_until_when(gateway: Gateway):
    job = gateway.claimed(wait_seconds=60)
    assert (job.status, job.worker, job.attempt, job.attempts_used) == ("in_progress", "one/1", 1, 1)
    assert job.started_at is not None
    assert job.started_at >= job.created_at
    assert job.lease_until == pytest.approx(job.started_at + LEASE)
    assert gateway.now(job) == job


def test_a_heartbeat_begins_the_lease_anew(gateway: Gateway):
    job = gateway.claimed()
    gateway.pass_time(LEASE - 60)
    assert gateway.claims.heartbeat(job).held
    gateway.pass_time(LEASE - 60)
    assert gateway.sweep.rescue() == ()
    assert gateway.now(job).status == "in_progress"


def test_progress_is_what_the_owner_reads_and_a_heartbeat(gateway: Gateway):
    job = gateway.claimed(notes=("a",))
    gateway.pass_time(LEASE - 60)
    told = Progress(percent=12.5, stage="denoise", eta=33.0, variant="q8", backend="diffusers", notes=("a", "b"))
    assert gateway.claims.progress(job, told).held
    assert gateway.claims.progress(job, Progress(percent=25.0, eta=None)).held
    seen = gateway.now(job)
    assert (seen.progress, seen.stage, seen.eta) == (25.0, "denoise", None)
    assert (seen.variant, seen.backend, seen.notes) == ("q8", "diffusers", ("a", "b"))
    assert seen.lease_until > job.lease_until - 60


def test_a_finished_job_has_its_result_for_its_time(gateway: Gateway):
    job = gateway.claimed()
    gateway.claims.progress(job, Progress(percent=50.0, eta=9.0))
    done = gateway.claims.finish(job, (FILM,), keep_seconds=600)
    assert done == gateway.now(job)
    assert (done.status, done.progress, done.eta, done.lease_until) == ("completed", 100.0, None, None)
    assert (done.result, done.bytes) == ((FILM,), 1000)
    assert done.expires_at == pytest.approx(done.finished_at + 600)


def test_a_failed_job_says_why_in_what_any_database_can_keep(gateway: Gateway):
    job = gateway.claimed()
    told = Failure(cause=Cause.OUT_OF_MEMORY, message="no memory\0 for \ud800 it " + "x" * 9000)
    failed = gateway.claims.fail(job, told)
    assert failed == gateway.now(job)
    assert failed.status == "failed"
    assert failed.failure.cause is Cause.OUT_OF_MEMORY
    assert failed.failure.message.startswith("no memory for ? it xxx")
    assert len(failed.failure.message) == 2000


def test_who_cancelled_before_the_finish_wins(gateway: Gateway):
    job = gateway.claimed()
    gateway.store.cancel("key_a", job.id)
    ended = gateway.claims.finish(job, (FILM,), keep_seconds=600)
    assert (ended.status, ended.result, ended.bytes, ended.expires_at) == ("cancelled", (), 0, None)


ENDINGS = {
    "finish": lambda claims, job: claims.finish(job, (FILM,)),
    "fail": lambda claims, job: claims.fail(job, BROKEN),
    "cancelled": lambda claims, job: claims.cancelled(job),
    "retry": lambda claims, job: claims.retry(job, BROKEN),
    "give_back": lambda claims, job: claims.give_back(job),
}


def writes_nothing(gateway: Gateway, job) -> None:
    before = gateway.now(job)
    for end in ENDINGS.values():
        assert end(gateway.claims, job) is None
    for pulse in (gateway.claims.heartbeat(job), gateway.claims.progress(job, Progress(percent=1.0))):
        assert (pulse.held, pulse.cancel_requested) == (False, False)
    assert gateway.now(job) == before


def test_after_its_lease_a_job_is_anothers_and_the_old_worker_writes_nothing(gateway: Gateway, opener):
    other = gateway_on(opener(), "two/1")
    job = gateway.claimed()
    gateway.claims.progress(job, Progress(percent=70.0, stage="decode", eta=3.0))
    assert other.claims.claim() is None
    gateway.pass_time(LEASE + 1)
    (rescued,) = other.sweep.rescue()
    assert (rescued.id, rescued.status, rescued.lease_until, rescued.finished_at) == (job.id, "queued", None, None)
    writes_nothing(gateway, job)
    second = other.claims.claim()
    assert (second.id, second.attempt, second.worker) == (job.id, 2, "two/1")
    assert (second.progress, second.stage, second.eta) == (0.0, "", None), "it begins at the beginning"
    writes_nothing(gateway, job)
    assert other.claims.finish(second, (FILM,)).status == "completed"
    writes_nothing(gateway, job)


def test_the_same_worker_does_not_write_for_its_earlier_attempt(gateway: Gateway):
    first = gateway.claimed()
    gateway.claims.give_back(first)
    second = gateway.claims.claim()
    assert (second.id, second.worker, second.attempt) == (first.id, first.worker, 2)
    writes_nothing(gateway, first)


def test_only_the_worker_that_claimed_it_writes(gateway: Gateway):
    job = gateway.claimed()
    writes_nothing(gateway, structs.replace(job, worker="two/1"))
    assert gateway.claims.heartbeat(job).held


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_job_ends_once(gateway: Gateway, ending: str):
    job = gateway.claimed()
    assert ENDINGS[ending](gateway.claims, job) is not None
    writes_nothing(gateway, job)


def test_what_is_given_back_uses_no_attempt(gateway: Gateway):
    gateway.create(wait_seconds=60)
    for turn in range(1, 6):
        job = gateway.claims.claim()
        assert (job.attempt, job.attempts_used) == (turn, 1)
        back = gateway.claims.give_back(job)
        assert (back.status, back.attempts_used, back.lease_until, back.finished_at) == ("queued", 0, None, None)
        assert back.expires_at == job.expires_at, "it is still waiting for its first attempt"
    assert gateway.claims.retry(gateway.claims.claim(), BROKEN).status == "queued"
    assert gateway.claims.retry(gateway.claims.claim(), BROKEN).status == "failed"


def test_what_is_given_back_may_have_to_wait(gateway: Gateway):
    job = gateway.claimed()
    later = gateway.create()
    gateway.claims.give_back(job, delay=500)
    assert gateway.claims.claim().id == later.id
    assert gateway.claims.claim() is None
    gateway.pass_time(501)
    assert gateway.claims.claim().id == job.id


def test_what_is_given_back_at_once_keeps_its_place(gateway: Gateway):
    job = gateway.claimed()
    gateway.create()
    gateway.claims.give_back(job)
    assert gateway.claims.claim().id == job.id


def test_what_is_given_back_though_nobody_wants_it_is_cancelled(gateway: Gateway):
    job = gateway.claimed(wait_seconds=60)
    gateway.store.cancel("key_a", job.id)
    back = gateway.claims.give_back(job)
    assert (back.status, back.expires_at) == ("cancelled", None)
    assert back.finished_at is not None


def test_an_attempt_that_came_to_nothing_is_made_again_then_the_job_fails(gateway: Gateway):
    job = gateway.claimed(wait_seconds=60)
    again = gateway.claims.retry(job, BROKEN)
    assert (again.status, again.failure, again.finished_at, again.attempts_used) == ("queued", None, None, 1)
    last = gateway.claims.retry(gateway.claims.claim(), BROKEN)
    assert (last.status, last.failure, last.attempts_used) == ("failed", BROKEN, 2)
    assert last.finished_at is not None
    assert last.expires_at is None


def test_another_attempt_may_have_to_wait(gateway: Gateway):
    gateway.claims.retry(gateway.claimed(), BROKEN, delay=500)
    assert gateway.claims.claim() is None
    gateway.pass_time(501)
    assert gateway.claims.claim() is not None


def test_nothing_is_tried_again_that_nobody_wants(gateway: Gateway):
    job = gateway.claimed()
    gateway.store.cancel("key_a", job.id)
    ended = gateway.claims.retry(job, BROKEN)
    assert (ended.status, ended.failure) == ("cancelled", None)
