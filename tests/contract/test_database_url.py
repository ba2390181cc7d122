"""The database by URL: a real PostgreSQL is opened, and nothing that is said about one holds a password."""

import traceback

import pytest
from sqlalchemy import text

from backends.errors import BackendError, Cause
from gateway.database import HASTY, READS, open_database
from tests.postgres_fixtures import Server, postgres_server, postgres_url  # noqa: F401

# ruff: noqa: F811

SECRET = "canary-7Hq"


def everything_said(error: BackendError) -> str:
    return "".join(traceback.format_exception(error)) + error.private + repr(error)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_url_opens_it(postgres_url: str, scheme: str):
    engine = open_database(postgres_url.replace("postgresql", scheme, 1))
    try:
        with engine.connect() as connection:
            assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
            assert engine.dialect.driver == "psycopg"
    finally:
        engine.dispose()


def test_sqlites_options_mean_nothing_to_it(postgres_url: str):
    engine = open_database(postgres_url)
    with engine.connect().execution_options(**{HASTY: True, READS: True}) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_a_server_that_was_restarted_is_no_error(postgres_server: Server, postgres_url: str):
    """Connections that rest in the pool are dead then; they are asked before they are used."""
    engine = open_database(postgres_url)
    name = engine.url.database
    postgres_server.say(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:1/db",  # nobody listens
        f"postgresql://u:{SECRET}@/db?host=/nowhere",
        f"postgresql://u:x@/db?host=/nowhere&password={SECRET}",
        f"postgresql://u:x@/db?host=/nowhere&{SECRET}=1",  # no such option of the driver
        f"postgresql://u:p@{SECRET}@127.0.0.1:1/db",  # an @ that should have been %40
        f"postgresql://u:p/{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:p:{SECRET}@127.0.0.1:x/db",
        f"postgresql://u:p?{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:p#{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:{SECRET}%40@127.0.0.1:1/db",
        f"mysql://u:{SECRET}@127.0.0.1/db",
        f"no url {SECRET}",
        f"://{SECRET}",
        f"{SECRET}://u@h/db",
        "",
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_without_its_password(url: str):
    with pytest.raises(BackendError) as refused:
        open_database(url)
    assert refused.value.cause is Cause.STORAGE
    assert refused.value.detail
    assert SECRET not in everything_said(refused.value)


def test_a_wrong_database_is_refused_and_the_log_says_why(postgres_url: str):
    with pytest.raises(BackendError) as refused:
        open_database(postgres_url.replace("forebay_", "absent_"))
    assert refused.value.detail == "the PostgreSQL database cannot be opened"
    assert "does not exist" in refused.value.private
