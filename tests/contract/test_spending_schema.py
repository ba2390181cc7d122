"""The tables of what was spent are made, and brought up to date, beside those of others."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from backends.errors import BackendError, Cause
from gateway.jobs import schema as jobs_schema
from gateway.spending import schema
from gateway.spending.table import metadata
from tests.job_fixtures import Opener, gateway_on, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401
from tests.spending_fixtures import account_on
from tests.tree import ROOT

# ruff: noqa: F811

MINE = {"spending", "spending_totals", schema.VERSION_TABLE}


def version(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalars())


def shape(engine: Engine) -> list[object]:
    seen = inspect(engine)
    return [
        (
            [(c["name"], repr(c["type"]), c["nullable"]) for c in seen.get_columns(name)],
            sorted((i["name"], str(i["column_names"])) for i in seen.get_indexes(name)),
            seen.get_pk_constraint(name)["constrained_columns"],
        )
        for name in ("spending", "spending_totals")
    ]


def test_an_empty_database_gets_them_and_no_others(opener: Opener):
    engine = opener()
    schema.upgrade(engine)
    assert version(engine) == [schema.HEAD]
    assert set(inspect(engine).get_table_names()) == MINE
    entry = account_on(engine).reserve(5)
    schema.upgrade(opener())
    assert account_on(opener()).entries() == {entry.id: entry}


@pytest.mark.parametrize("first", [schema, jobs_schema])
def test_they_live_beside_the_table_of_jobs(opener: Opener, first):
    engine = opener()
    for each in (first, *({schema, jobs_schema} - {first})):
        each.upgrade(engine)
    assert version(engine) == [schema.HEAD]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == jobs_schema.HEAD
    account_on(engine).reserve(5)
    assert gateway_on(engine).create()


def test_tables_that_are_there_already_are_adopted(opener: Opener):
    engine = opener()
    metadata.create_all(engine)
    entry = account_on(engine).reserve(5)
    schema.upgrade(engine)
    assert account_on(engine).entries() == {entry.id: entry}


def test_a_newer_releases_tables_are_left_alone(opener: Opener):
    engine = opener()
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = 's9999'"))
    with pytest.raises(BackendError, match="what was spent has the form s9999") as refused:
        schema.upgrade(engine)
    assert refused.value.cause is Cause.STORAGE
    assert version(engine) == ["s9999"]


def test_the_revisions_make_the_tables_that_the_code_knows(opener: Opener):
    engine = opener()
    schema.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    migrated = shape(engine)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    engine.dispose()  # what it remembers of the tables goes
    assert shape(engine) == migrated


def test_the_newest_revision_is_the_one_the_code_asks_for():
    scripts = ScriptDirectory(str(ROOT / "gateway/spending/migrations"))
    assert scripts.get_heads() == [schema.HEAD]
