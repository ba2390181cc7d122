"""Jobs as their owners see them, on SQLite and on PostgreSQL."""

import threading

import pytest
from sqlalchemy import event

from backends.errors import BackendError, Cause
from gateway.jobs.job import Artifact, Failure, request_digest
from gateway.jobs.store import LONGEST_KEY
from tests.job_fixtures import Gateway, database, gateway, gateway_on, opener, wanted  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401

# ruff: noqa: F811

FILM = Artifact(name="video", key="videos/a/1/video.mp4", media_type="video/mp4", size=1000, digest="d" * 64)
STILL = Artifact(name="thumbnail", key="videos/a/1/still.webp", media_type="image/webp", size=24)


def test_what_is_created_is_there_for_its_owner(gateway: Gateway):
    spec = b'{"prompt": "a cat \\u0000 \xf0\x9f\x90\x88"}'
    made = gateway.create(spec=spec, model="wan", priority=-5, notes=("81 frames instead of 80",), wait_seconds=60)
    job = gateway.now(made)
    assert job == made
    assert job.id.startswith("video_")
    assert len(job.id) == len("video_") + 32
    assert (job.owner, job.kind, job.model, job.spec, job.priority) == ("key_a", "video", "wan", spec, -5)
    assert (job.status, job.progress, job.attempt, job.result, job.failure) == ("queued", 0.0, 0, (), None)
    assert job.notes == ("81 frames instead of 80",)
    assert job.run_at == job.created_at
    assert job.expires_at == pytest.approx(job.created_at + 60)


def test_ids_do_not_repeat_and_the_kind_is_their_prefix(gateway: Gateway):
    assert len({gateway.create().id for _ in range(20)}) == 20
    assert gateway.create(kind="batch").id.startswith("batch_")


def test_another_owners_job_is_absent(gateway: Gateway):
    job = gateway.create("key_a")
    for owner in ("key_b", ""):
        assert gateway.store.get(owner, job.id) is None
        assert gateway.store.cancel(owner, job.id) is None
        assert gateway.store.remove(owner, job.id) is None
        assert gateway.store.page(owner, "video").jobs == ()
        with pytest.raises(BackendError, match="no such job") as refused:
            gateway.store.page(owner, "video", after=job.id)
        assert (refused.value.cause, refused.value.param) == (Cause.INVALID_REQUEST, "after")
    assert gateway.now(job) == job


def test_without_keys_everything_is_nobodys(gateway: Gateway):
    job = gateway.create("")
    assert gateway.store.get("", job.id) == job
    assert gateway.store.page("", "video").jobs == (job,)


def test_a_list_is_read_page_by_page_in_both_orders(gateway: Gateway):
    made = [gateway.create() for _ in range(7)]
    gateway.create("key_b")
    gateway.create(kind="batch")
    for order, expected in (("asc", made), ("desc", made[::-1])):
        seen, after = [], None
        for size in (3, 3, 1):
            page = gateway.store.page("key_a", "video", limit=3, after=after, order=order)
            assert len(page.jobs) == size
            seen += page.jobs
            after = page.jobs[-1].id
            assert page.more == (len(seen) < 7)
        assert seen == expected
        assert gateway.store.page("key_a", "video", after=after, order=order).jobs == ()
    assert gateway.store.page("key_a", "video").jobs == tuple(made[::-1])


def test_jobs_of_one_moment_are_listed_once_each(gateway: Gateway):
    gateway.create()
    made = [gateway.create() for _ in range(6)]
    with gateway.database.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET created_at = 7.25")
    seen, after = [], None
    for _ in range(7):
        page = gateway.store.page("key_a", "video", limit=1, after=after, order="asc")
        seen += [job.id for job in page.jobs]
        after = seen[-1]
    assert len(set(seen)) == 7
    assert {job.id for job in made} < set(seen)


def test_the_same_request_under_the_same_key_is_the_same_job(gateway: Gateway):
    new = wanted(idempotency_key="k1", request_digest=request_digest(b"a"))
    first, second = gateway.store.create(new), gateway.store.create(new)
    assert (first.fresh, second.fresh) == (True, False)
    assert first.job == second.job
    job = gateway.claims.claim()
    assert job is not None
    gateway.claims.finish(job, (FILM,))
    assert gateway.store.create(new).job.status == "completed", "also when it has ended"
    assert len(gateway.store.page("key_a", "video").jobs) == 1


def test_another_request_under_the_same_key_is_refused(gateway: Gateway):
    gateway.create(idempotency_key="k1", request_digest=request_digest(b"a"))
    with pytest.raises(BackendError) as refused:
        gateway.create(idempotency_key="k1", request_digest=request_digest(b"b"))
    assert refused.value.cause is Cause.INVALID_REQUEST
    assert (refused.value.param, refused.value.code) == ("Idempotency-Key", "idempotency_key_reused")
    assert len(gateway.store.page("key_a", "video").jobs) == 1


def test_a_key_is_its_owners_and_free_again_with_its_job(gateway: Gateway):
    mine = gateway.create("key_a", idempotency_key="k", request_digest="1")
    theirs = gateway.create("key_b", idempotency_key="k", request_digest="2")
    assert mine.id != theirs.id
    assert gateway.create("key_a").id != gateway.create("key_a").id, "no key, no sameness"
    gateway.store.cancel("key_a", mine.id)
    gateway.store.remove("key_a", mine.id)
    assert gateway.create("key_a", idempotency_key="k", request_digest="3").status == "queued"


def test_an_endless_key_is_refused(gateway: Gateway):
    assert gateway.create(idempotency_key="k" * LONGEST_KEY)
    with pytest.raises(BackendError) as refused:
        gateway.create(idempotency_key="k" * (LONGEST_KEY + 1))
    assert refused.value.cause is Cause.INVALID_REQUEST


def test_of_many_at_once_under_one_key_one_makes_the_job(gateway: Gateway):
    new = wanted(idempotency_key="k", request_digest="1")
    gate, made = threading.Barrier(8), []

    def create() -> None:
        gate.wait(60)
        made.append(gateway.store.create(new))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.fresh for one in made) == [False] * 7 + [True]
    assert len({one.job.id for one in made}) == 1


def test_a_key_that_is_freed_while_it_is_asked_for_makes_a_new_job(gateway: Gateway):
    older = gateway.create(idempotency_key="k", request_digest="1")

    def remove_it(connection, _cursor, statement, *_rest) -> None:
        if statement.startswith("INSERT"):
            connection.exec_driver_sql(f"DELETE FROM jobs WHERE id = '{older.id}'")

    event.listen(gateway.database, "after_cursor_execute", remove_it)
    made = gateway.store.create(wanted(idempotency_key="k", request_digest="1"))
    assert made.fresh
    assert gateway.store.page("key_a", "video").jobs == (made.job,)
    assert made.job.id != older.id


def test_a_queued_job_is_cancelled_at_once(gateway: Gateway):
    job = gateway.create(wait_seconds=5)
    cancelled = gateway.store.cancel("key_a", job.id)
    assert cancelled is not None
    assert (cancelled.status, cancelled.expires_at) == ("cancelled", None)
    assert cancelled.finished_at is not None
    assert cancelled == gateway.now(job)
    assert gateway.claims.claim() is None
    assert gateway.store.cancel("key_a", job.id) == cancelled, "twice is as once"


def test_a_running_job_is_marked_and_its_worker_told(gateway: Gateway):
    job = gateway.claimed()
    assert not gateway.claims.heartbeat(job).cancel_requested
    marked = gateway.store.cancel("key_a", job.id)
    assert marked is not None
    assert (marked.status, marked.cancel_requested, marked.finished_at) == ("in_progress", True, None)
    pulse = gateway.claims.heartbeat(job)
    assert (pulse.held, pulse.cancel_requested) == (True, True)
    done = gateway.claims.cancelled(job)
    assert done is not None
    assert (done.status, done.lease_until) == ("cancelled", None)
    assert gateway.store.cancel("key_a", job.id) == done


def test_what_has_ended_stays_as_it_is_when_cancelled(gateway: Gateway):
    job = gateway.claimed()
    done = gateway.claims.finish(job, (FILM,))
    assert gateway.store.cancel("key_a", job.id) == done


def test_only_what_has_ended_is_removed(gateway: Gateway):
    job = gateway.create()
    assert gateway.store.remove("key_a", job.id) is None
    running = gateway.claims.claim()
    assert running is not None
    assert gateway.store.remove("key_a", job.id) is None
    gateway.claims.finish(running, (FILM, STILL))
    removed = gateway.store.remove("key_a", job.id)
    assert removed is not None
    assert removed.result == (FILM, STILL), "so that its files can go too"
    assert gateway.store.get("key_a", job.id) is None
    assert gateway.store.remove("key_a", job.id) is None


def test_a_job_is_known_by_a_file_of_its_result(gateway: Gateway):
    first, again, other = gateway.claimed(), gateway.claimed(), gateway.claimed(owner="key_b")
    waiting = gateway.create()
    assert gateway.store.made_as("key_a", "video", FILM.digest) is None
    for job in (first, again, other):
        gateway.claims.finish(job, (FILM, STILL))
    found = gateway.store.made_as("key_a", "video", FILM.digest)
    assert found is not None
    assert (found.id, found.result[0].digest) == (again.id, FILM.digest)
    assert gateway.store.made_as("key_a", "batch", FILM.digest) is None
    assert gateway.store.made_as("key_a", "video", "e" * 64) is None
    assert gateway.now(waiting).status == "queued"


def test_a_failure_that_only_a_later_release_knows_hides_nothing(gateway: Gateway):
    job = gateway.claimed()
    gateway.claims.fail(job, Failure(cause=Cause.OUT_OF_MEMORY, message="no room"))
    with gateway.database.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET error_cause = 'moved_to_the_moon'")
    (listed,) = gateway.store.page("key_a", "video").jobs
    assert listed.failure == Failure(cause=Cause.INTERNAL, message="no room")


def test_a_tally_counts_one_kind_of_all_owners(gateway: Gateway):
    assert gateway.store.tally("video").oldest_wait == 0
    done, failed = gateway.claimed(), gateway.claimed()
    gateway.claims.finish(done, (FILM, STILL))
    gateway.claims.fail(failed, Failure(cause=Cause.INTERNAL, message="x"))
    gateway.claimed()
    gateway.create("key_a")
    gateway.create(kind="batch")
    gateway.pass_time(100)
    gateway.create("key_b")
    tally = gateway.store.tally("video")
    assert (tally.queued, tally.in_progress, tally.bytes) == (2, 1, 1024)
    assert tally.oldest_wait >= 100


def test_two_gateways_see_the_same_jobs(gateway: Gateway, opener):
    other = gateway_on(opener(), "two/1")
    job = gateway.create()
    assert other.store.get("key_a", job.id) == job
    running = other.claims.claim()
    assert running is not None
    assert gateway.claims.claim() is None
    gateway.store.cancel("key_a", job.id)
    assert other.claims.heartbeat(running).cancel_requested


@pytest.mark.parametrize(
    "name",
    ["", "video_\0", "\0", "video_'; DROP TABLE jobs; --", "\ufffd", "%", "a" * 100_000],
    ids=lambda name: repr(name[:9]),
)
def test_names_that_are_no_ids_are_of_no_job(gateway: Gateway, name: str):
    job = gateway.create()
    assert gateway.store.get("key_a", name) is None
    assert gateway.store.cancel("key_a", name) is None
    assert gateway.store.remove("key_a", name) is None
    with pytest.raises(BackendError) as refused:
        gateway.store.page("key_a", "video", after=name)
    assert (refused.value.cause, refused.value.param) == (Cause.INVALID_REQUEST, "after")
    assert gateway.now(job) == job


def test_a_database_without_the_table_is_a_storage_error_that_tells_nothing(opener):
    gateway = gateway_on(opener())
    for call in (lambda: gateway.create(spec=b"secret"), lambda: gateway.store.get("a", "b"), gateway.claims.claim):
        with pytest.raises(BackendError, match=r"^the job store cannot be (read|written)$") as failed:
            call()
        assert failed.value.cause is Cause.STORAGE
        assert "jobs" in failed.value.private
        assert "secret" not in failed.value.private
