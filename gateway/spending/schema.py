"""Brings the tables of what was spent to the form this release knows. Never goes back, and drops nothing."""

from pathlib import Path

from sqlalchemy import Engine

from gateway import revisions

HEAD = "s0001"
"""The newest revision under ``migrations``."""
VERSION_TABLE = "spending_version"

_HISTORY = revisions.History(
    what="the account of what was spent",
    folder=Path(__file__).parent / "migrations",
    head=HEAD,
    version_table=VERSION_TABLE,
    lock=0x5350454E44494E47,  # the word SPENDING
)


def upgrade(database: Engine) -> None:
    """At open. Raises ``BackendError(STORAGE)``, also when a newer release has been at the tables."""
    revisions.upgrade(database, _HISTORY)
