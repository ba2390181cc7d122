"""A job store on SQLite and on PostgreSQL: every test that asks for ``database`` runs on both."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct
from sqlalchemy import Engine, update

from gateway.database import open_database
from gateway.jobs.claims import Claims
from gateway.jobs.job import Job, NewJob
from gateway.jobs.schema import upgrade
from gateway.jobs.storage import Storage
from gateway.jobs.store import JobStore
from gateway.jobs.sweep import Sweep
from gateway.jobs.table import jobs

LEASE = 3600.0
"""Long: no lease ends by itself while a test runs on a busy machine. ``pass_time`` ends it."""

Opener = Callable[[], Engine]


class Gateway(Struct, frozen=True):
    """What one gateway has on a database of jobs."""

    database: Engine
    store: JobStore
    claims: Claims
    sweep: Sweep

    def create(self, owner: str = "key_a", **fields: object) -> Job:
        return self.store.create(wanted(owner, **fields)).job

    def claimed(self, **fields: object) -> Job:
        """A new job, already claimed."""
        made = self.create(**fields)
        job = self.claims.claim()
        assert job is not None
        assert job.id == made.id
        return job

    def now(self, job: Job) -> Job:
        found = self.store.get(job.owner, job.id)
        assert found is not None
        return found

    def pass_time(self, seconds: float) -> None:
        """For the jobs, by moving all their times back: PostgreSQL's clock is its own."""
        times = (jobs.c.created_at, jobs.c.run_at, jobs.c.started_at, jobs.c.finished_at, jobs.c.expires_at)
        with self.database.begin() as connection:
            connection.execute(update(jobs).values({c.name: c - seconds for c in (*times, jobs.c.lease_until)}))


def wanted(owner: str = "key_a", **fields: object) -> NewJob:
    return NewJob(**{"owner": owner, "kind": "video", "model": "m", "spec": b"{}", **fields})  # type: ignore[arg-type]


def gateway_on(database: Engine, worker: str = "one/1", attempts: int = 2) -> Gateway:
    storage = Storage(database, time.time)
    return Gateway(
        database,
        JobStore(storage),
        Claims(storage, worker=worker, kind="video", attempts=attempts, lease=LEASE),
        Sweep(storage, kind="video", attempts=attempts),
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens one and the same empty database as often as it is called; no table is made."""
    where = tmp_path / "forebay.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened: list[Engine] = []

    def open_it() -> Engine:
        opened.append(open_database(where))
        return opened[-1]

    yield open_it
    for engine in opened:
        engine.dispose()


@pytest.fixture
def database(opener: Opener) -> Engine:
    engine = opener()
    upgrade(engine)
    return engine


@pytest.fixture
def gateway(database: Engine) -> Gateway:
    return gateway_on(database)
