"""What a job store has acknowledged outlives the process that asked: SIGKILL at any moment, and a full disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from gateway.database import open_database
from gateway.jobs.job import Artifact
from gateway.jobs.schema import upgrade
from tests.job_fixtures import gateway_on
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.tree import ROOT

CHILD = """
import sys
from pathlib import Path
from gateway.database import open_database
from gateway.jobs.schema import upgrade
from tests.contract.test_job_durability import RESULT
from tests.job_fixtures import gateway_on

given = sys.argv[1]
engine = open_database(given if "://" in given else Path(given))
upgrade(engine)
gateway = gateway_on(engine, sys.argv[2])
while True:  # every line is an acknowledgement: what it says is on the disk
    made = gateway.create(spec=b"x" * 3000)
    print("created", made.id, flush=True)
    job = gateway.claims.claim()
    print("claimed", job.id, job.attempt, flush=True)
    gateway.claims.heartbeat(job)
    if job.attempt == 2:
        gateway.claims.finish(job, RESULT)
        print("completed", job.id, flush=True)
"""
RESULT = (Artifact(name="video", key="v", media_type="video/mp4", size=1),)


@pytest.mark.parametrize("after_lines", [1, 2, 7, 40])
@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_killed_gateway_loses_nothing_that_it_acknowledged(
    where: str, after_lines: int, tmp_path: Path, request: pytest.FixtureRequest
):
    place = tmp_path / "forebay.db" if where == "sqlite" else request.getfixturevalue("postgres_url")
    said: list[list[str]] = []
    for life in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(place), f"one/{life}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        said += [child.stdout.readline().split() for _ in range(after_lines)]
        child.kill()
        said += [line.split() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        child.stdout.close()
        child.wait()
        gateway = gateway_on(open_database(place), f"one/{life}+")
        if where == "postgresql":  # its servant of the dead process may still be busy with the last statement
            with gateway.database.connect() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        rescued = gateway.sweep.rescue_predecessors(f"one/{life}+")
        assert {job.status for job in rescued} <= {"queued", "failed"}
        completed = {words[1] for words in said if words[0] == "completed"}
        for _, job_id, *_rest in said:
            job = gateway.store.get("key_a", job_id)
            assert job is not None, "acknowledged and lost"
            assert job.status in (("completed",) if job_id in completed else ("queued", "failed", "completed"))
            assert (job.result == RESULT) == (job.status == "completed")
        assert gateway.store.tally("video").in_progress == 0
        assert {(words[1], words[2]) for words in said if words[0] == "claimed"} <= {
            (job.id, str(turn)) for job in gateway.store.page("key_a", "video", limit=10_000).jobs
            for turn in range(1, job.attempt + 1)
        }  # fmt: skip
        gateway.database.dispose()


def test_a_full_disk_refuses_new_jobs_and_loses_none(tmp_path: Path):
    engine = open_database(tmp_path / "forebay.db")
    upgrade(engine)
    gateway = gateway_on(engine)

    def limit_pages(to: int) -> None:
        with engine.connect() as connection:  # of a pool that has one: what is set holds for all below
            connection.exec_driver_sql(f"PRAGMA max_page_count = {to}")

    with engine.connect() as connection:
        limit = connection.exec_driver_sql("PRAGMA max_page_count").scalar_one()
    kept = [gateway.create(spec=b"x" * 20_000) for _ in range(3)]
    limit_pages(1)  # as many as there are
    with pytest.raises(BackendError) as refused:
        gateway.create(spec=b"x" * 20_000)
    assert (refused.value.cause, refused.value.detail) == (Cause.STORAGE, "the job store cannot be written")
    assert "full" in refused.value.private
    assert [gateway.now(job) for job in kept] == kept
    limit_pages(limit)
    assert gateway.create(spec=b"x" * 20_000).status == "queued", "it recovers alone"
    assert gateway.store.tally("video").queued == len(kept) + 1
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    engine.dispose()
