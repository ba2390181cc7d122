"""The table of jobs is made, and brought up to date, by whoever opens a database first."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from backends.errors import BackendError, Cause
from gateway.jobs import schema
from gateway.jobs.table import metadata
from tests.job_fixtures import Opener, gateway_on, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.tree import ROOT

# ruff: noqa: F811

OTHERS = ["api_keys", "footprints"]


def works(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [schema.HEAD]
    gateway = gateway_on(engine)
    job = gateway.create(priority=9)
    assert gateway.claims.claim().id == job.id


def shape(engine: Engine) -> tuple[object, ...]:
    seen = inspect(engine)
    columns = [(c["name"], repr(c["type"]), c["nullable"]) for c in seen.get_columns("jobs")]
    indexes = sorted(
        (i["name"], str(i["column_names"]), str(i.get("column_sorting"))) for i in seen.get_indexes("jobs")
    )
    unique = [(u["name"], u["column_names"]) for u in seen.get_unique_constraints("jobs")]
    return columns, indexes, unique, seen.get_pk_constraint("jobs")["constrained_columns"]


def test_an_empty_database_gets_it_and_a_second_time_changes_nothing(opener: Opener):
    engine = opener()
    schema.upgrade(engine)
    works(engine)
    again = opener()
    schema.upgrade(again)
    assert len(gateway_on(again).store.page("key_a", "video").jobs) == 1


def test_a_database_in_use_without_a_version_keeps_what_it_has(opener: Opener):
    engine = opener()
    with engine.begin() as connection:
        for name in OTHERS:
            connection.execute(text(f"CREATE TABLE {name} (id INTEGER)"))
            connection.execute(text(f"INSERT INTO {name} VALUES (7)"))
    schema.upgrade(engine)
    works(engine)
    with engine.connect() as connection:
        assert [connection.execute(text(f"SELECT id FROM {name}")).scalar() for name in OTHERS] == [7, 7]


def test_a_table_that_is_there_already_is_adopted(opener: Opener):
    engine = opener()
    metadata.create_all(engine)
    before = gateway_on(engine).create("key_b")
    schema.upgrade(engine)
    works(engine)
    assert gateway_on(engine).store.get("key_b", before.id) == before


def test_gateways_that_start_at_once_do_not_collide(opener: Opener):
    engines = [opener() for _ in range(4)]
    gate, failed = threading.Barrier(len(engines)), []

    def start(engine: Engine) -> None:
        gate.wait(60)
        try:
            schema.upgrade(engine)
        except BackendError as error:
            failed.append(error.private)

    threads = [threading.Thread(target=start, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    works(engines[0])


def test_a_newer_releases_table_is_left_alone(opener: Opener):
    engine = opener()
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(BackendError, match="r9999") as refused:
        schema.upgrade(engine)
    assert refused.value.cause is Cause.STORAGE
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "r9999"


def test_an_upgrade_that_fails_leaves_nothing_behind(opener: Opener):
    engine = opener()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE ix_jobs_owner (id INTEGER)"))  # takes the name of the last index
        connection.execute(text("CREATE TABLE jobs (id INTEGER)"))
    with pytest.raises(BackendError) as failed:
        schema.upgrade(engine)
    assert (failed.value.cause, failed.value.detail) == (Cause.STORAGE, "the table of jobs cannot be made")
    assert not inspect(engine).has_table("alembic_version")


def test_the_revisions_make_the_table_that_the_code_knows(opener: Opener, tmp_path):
    engine = opener()
    schema.upgrade(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []
    migrated = shape(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE jobs"))
    metadata.create_all(engine)
    engine.dispose()  # what it remembers of the table goes
    assert shape(engine) == migrated


def test_the_newest_revision_is_the_one_the_code_asks_for():
    scripts = ScriptDirectory(str(ROOT / "gateway/jobs/migrations"))
    assert scripts.get_heads() == [schema.HEAD]


def test_a_database_that_cannot_be_written_is_a_storage_error():
    engine = create_engine("sqlite:////nowhere/at/all.db")
    with pytest.raises(BackendError) as failed:
        schema.upgrade(engine)
    assert failed.value.cause is Cause.STORAGE
