"""Brings the table ``jobs`` of a database to the form this release knows. Never goes back, and drops nothing."""

from pathlib import Path

from sqlalchemy import Engine

from gateway import revisions

HEAD = "r0002"
"""The newest revision under ``migrations``."""

_HISTORY = revisions.History(
    what="the table of jobs",
    folder=Path(__file__).parent / "migrations",
    head=HEAD,
    version_table="alembic_version",
    lock=0x464F5245424159,  # the word FOREBAY
)


def upgrade(database: Engine) -> None:
    """At open. Raises ``BackendError(STORAGE)``, also when a newer release has been at the table."""
    revisions.upgrade(database, _HISTORY)
