"""What time brings to jobs, on SQLite and on PostgreSQL: rescue, expiry, forgetting."""

import threading

from backends.errors import Cause
from gateway.jobs.job import WAITED, Artifact, Failure, Progress, worker_name
from gateway.jobs.sweep import WORKER_LOST
from tests.job_fixtures import LEASE, Gateway, database, gateway, gateway_on, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401

# ruff: noqa: F811

FILM = Artifact(name="video", key="videos/a/1/video.mp4", media_type="video/mp4", size=1000)
BROKEN = Failure(cause=Cause.STREAM_BROKEN, message="the engine died")


BEGUN = Progress(percent=0.0, stage="begin", variant="bf16")


def test_a_job_whose_workers_die_is_failed_when_its_attempts_are_used_up(gateway: Gateway):
    job = gateway.claimed()
    gateway.claims.progress(job, BEGUN)
    gateway.pass_time(LEASE + 1)
    assert [rescued.status for rescued in gateway.sweep.rescue()] == ["queued"]
    assert gateway.sweep.rescue() == ()
    job = gateway.claims.claim()
    gateway.claims.progress(job, BEGUN)
    gateway.pass_time(LEASE + 1)
    (failed,) = gateway.sweep.rescue()
    assert failed == gateway.now(job)
    assert (failed.status, failed.failure, failed.lease_until) == ("failed", WORKER_LOST, None)
    assert gateway.claims.claim() is None


def test_a_job_that_only_waited_is_not_blamed_for_the_end_of_its_worker(gateway: Gateway):
    job = gateway.claimed()
    for lost in range(1, WAITED + 1):
        gateway.pass_time(LEASE + 1)
        (rescued,) = gateway.sweep.rescue()
        assert (rescued.status, rescued.attempts_used, rescued.returned) == ("queued", 0, lost)
        job = gateway.claims.claim()
    for left, status in ((1, "queued"), (2, "failed")):  # it may be what ends its worker, before it has begun
        gateway.pass_time(LEASE + 1)
        (rescued,) = gateway.sweep.rescue()
        assert (rescued.status, rescued.attempts_used) == (status, left)
        gateway.claims.claim()
    assert gateway.now(job).failure == WORKER_LOST


def test_a_rescued_job_that_nobody_wants_is_cancelled(gateway: Gateway):
    job = gateway.claimed()
    gateway.store.cancel("key_a", job.id)
    gateway.pass_time(LEASE + 1)
    (ended,) = gateway.sweep.rescue()
    assert (ended.status, ended.failure) == ("cancelled", None)
    assert ended.finished_at is not None


def test_only_jobs_of_its_kind_and_with_an_ended_lease_are_rescued(gateway: Gateway):
    gateway.create(kind="batch")
    with gateway.database.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET status = 'in_progress', lease_until = 1")
    dead = gateway.claimed()
    gateway.pass_time(LEASE + 1)
    alive = gateway.claimed()
    assert [job.id for job in gateway.sweep.rescue()] == [dead.id]
    assert gateway.now(alive).status == "in_progress"


def test_gateways_that_sweep_at_once_rescue_each_job_once(gateway: Gateway, opener):
    ids = {gateway.claimed().id for _ in range(30)}
    gateway.pass_time(LEASE + 1)
    sweeps = [gateway.sweep, gateway_on(opener(), "two/1").sweep]
    gate, rescued = threading.Barrier(6), []

    def sweep(number: int) -> None:
        gate.wait(60)
        rescued.extend(sweeps[number % 2].rescue())

    threads = [threading.Thread(target=sweep, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rescued.extend(gateway.sweep.rescue())  # what every thread passed over
    assert sorted(job.id for job in rescued) == sorted(ids)
    assert {(job.status, job.attempt, job.returned) for job in rescued} == {("queued", 1, 1)}


def test_a_gateway_that_starts_again_does_not_wait_for_its_own_leases(gateway: Gateway):
    jobs = {}
    for worker in ("one/a", "one/b", "One/a", "on_/a", "two/a", "oneself/a"):
        jobs[worker] = gateway.create()
        assert gateway_on(gateway.database, worker).claims.claim().id == jobs[worker].id
    rescued = gateway.sweep.rescue_predecessors("one/b")
    assert [job.id for job in rescued] == [jobs["one/a"].id]
    assert gateway.sweep.rescue_predecessors("on_/b")[0].id == jobs["on_/a"].id, "a name is no pattern"
    assert {gateway.now(job).status for worker, job in jobs.items() if worker in ("one/b", "two/a", "oneself/a")} == {
        "in_progress"
    }


def test_runs_of_a_gateway_have_names_of_their_own(gateway: Gateway):
    first, second = worker_name("shelf/one"), worker_name("shelf/one")
    assert first != second
    job = gateway.create()
    gateway_on(gateway.database, first).claims.claim()
    assert gateway.sweep.rescue_predecessors(first) == ()
    assert [rescued.id for rescued in gateway.sweep.rescue_predecessors(second)] == [job.id]


def test_results_expire_and_their_files_are_named_until_they_are_gone(gateway: Gateway):
    soon, later = gateway.claimed(), gateway.claimed()
    gateway.claims.finish(soon, (FILM,), keep_seconds=100)
    gateway.claims.finish(later, (FILM,), keep_seconds=1000)
    for_ever = gateway.claimed()
    gateway.claims.finish(for_ever, (FILM,))
    assert gateway.sweep.expire() == ()
    gateway.pass_time(101)
    for _ in range(2):  # whoever was killed before the files went is told again
        (expired,) = gateway.sweep.expire()
        assert (expired.id, expired.status, expired.result, expired.bytes) == (soon.id, "expired", (FILM,), 1000)
    gateway.sweep.forget_files([soon.id, later.id])
    assert gateway.sweep.expire() == ()
    assert (gateway.now(soon).result, gateway.now(soon).bytes) == ((), 0)
    assert gateway.now(later).result == (FILM,), "a result that has not expired is kept"
    assert gateway.now(for_ever).status == "completed"


def test_a_job_that_waited_too_long_expires(gateway: Gateway):
    job = gateway.create(wait_seconds=100)
    patient = gateway.create()
    gateway.pass_time(101)
    assert gateway.sweep.expire() == (), "it has no files"
    assert gateway.now(job).status == "expired"
    assert gateway.now(job).finished_at is not None
    assert gateway.claims.claim().id == patient.id


def test_a_job_that_was_begun_in_time_does_not_expire(gateway: Gateway):
    job = gateway.claimed(wait_seconds=100)
    gateway.pass_time(101)
    gateway.sweep.expire()
    assert gateway.now(job).status == "in_progress"
    gateway.claims.retry(job, BROKEN)
    gateway.sweep.expire()
    assert gateway.now(job).status == "queued", "it has been tried: its owner was promised another attempt"


def test_a_job_that_was_given_back_untried_expires(gateway: Gateway):
    job = gateway.claimed(wait_seconds=100)
    gateway.claims.give_back(job)
    gateway.pass_time(101)
    gateway.sweep.expire()
    assert gateway.now(job).status == "expired"


def test_files_belong_to_running_jobs_and_to_results(gateway: Gateway):
    finished = gateway.claimed()
    gateway.claims.finish(finished, (FILM,))
    failed = gateway.claimed()
    gateway.claims.fail(failed, BROKEN)
    running = gateway.claimed()
    queued = gateway.create()
    ids = [finished.id, failed.id, running.id, queued.id, "video_unknown"]
    assert gateway.sweep.with_files(ids) == {finished.id, running.id, queued.id}
    assert gateway.sweep.with_files([]) == frozenset()


def test_ended_jobs_without_files_are_forgotten_in_time(gateway: Gateway):
    failed, cancelled, completed, expired = (gateway.claimed() for _ in range(4))
    gateway.claims.fail(failed, BROKEN)
    gateway.claims.cancelled(cancelled)
    gateway.claims.finish(completed, (FILM,))
    gateway.claims.finish(expired, (FILM,), keep_seconds=10)
    running, queued = gateway.claimed(), gateway.create()
    gateway.pass_time(100)
    gateway.sweep.expire()
    assert gateway.sweep.purge(older_than=1000) == 0
    assert gateway.sweep.purge(older_than=50) == 2
    assert gateway.store.get("key_a", failed.id) is None
    assert gateway.store.get("key_a", cancelled.id) is None
    gateway.sweep.forget_files([expired.id])
    assert gateway.sweep.purge(older_than=50) == 1
    left = {job.id for job in gateway.store.page("key_a", "video").jobs}
    assert left == {completed.id, running.id, queued.id}
