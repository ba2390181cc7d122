"""Brings the table ``jobs`` of a database to the form this release knows. Never goes back, and drops nothing."""

from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause

HEAD = "r0001"
"""The newest revision under ``migrations``."""

_LOCK = 0x464F5245424159
"""PostgreSQL's advisory lock of our upgrades: the word FOREBAY."""

_version = Table("alembic_version", MetaData(), Column("version_num", String(32)))


def upgrade(database: Engine) -> None:
    """At open. Gateways that start at once wait for each other; in one transaction, so it is done or not begun.

    Raises ``BackendError(STORAGE)``, also when a newer release has been at the table.
    """
    try:
        with database.begin() as connection:  # SQLite: BEGIN IMMEDIATE keeps the others out
            if database.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if (found := _current(connection)) != HEAD:
                _apply(connection, found)
    except SQLAlchemyError as error:
        raise BackendError(Cause.STORAGE, "the table of jobs cannot be made", private=str(error)) from error


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_version.name):
        return None
    return connection.execute(select(_version.c.version_num)).scalar_one_or_none()


def _apply(connection: Connection, found: str | None) -> None:
    # Alembic takes a quarter of a second to import, and most starts have nothing to do.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        detail = f"the table of jobs has the form {found}, which this release does not know; use the newer one"
        raise BackendError(Cause.STORAGE, detail, private=str(error)) from error
