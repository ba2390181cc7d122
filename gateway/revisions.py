"""Brings tables of the state database to the form that this release knows, by Alembic. Never goes back, drops nothing.

A package that owns tables has its own history, in its folder ``migrations`` and with its own table of the version:
a command makes no tables but those it needs.
"""

from pathlib import Path

from msgspec import Struct
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause


class History(Struct, frozen=True, kw_only=True):
    """``what`` is made, in words; ``head``, the newest revision in ``folder``; ``version_table``, where the database
    keeps its own; ``lock``, a number of PostgreSQL's advisory locks, for each history another.
    """

    what: str
    folder: Path
    head: str
    version_table: str
    lock: int


def upgrade(database: Engine, history: History) -> None:
    """At open. Gateways that start at once wait for each other; in one transaction, so it is done or not begun.

    Raises ``BackendError(STORAGE)``, also when a newer release has been at the tables.
    """
    try:
        with database.begin() as connection:  # SQLite: BEGIN IMMEDIATE keeps the others out
            if database.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": history.lock})
            if (found := _current(connection, history)) != history.head:
                _apply(connection, history, found)
    except SQLAlchemyError as error:
        raise BackendError(Cause.STORAGE, f"{history.what} cannot be made", private=str(error)) from error


def _current(connection: Connection, history: History) -> str | None:
    if not inspect(connection).has_table(history.version_table):
        return None
    version = Table(history.version_table, MetaData(), Column("version_num", String(32)))
    return connection.execute(select(version.c.version_num)).scalar_one_or_none()


def _apply(connection: Connection, history: History, found: str | None) -> None:
    # Alembic takes a quarter of a second to import, and most starts have nothing to do.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(history.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = history.version_table
    try:
        command.upgrade(config, history.head)
    except CommandError as error:
        detail = f"{history.what} has the form {found}, which this release does not know; use the newer one"
        raise BackendError(Cause.STORAGE, detail, private=str(error)) from error
