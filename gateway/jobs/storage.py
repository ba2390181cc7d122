"""Transactions on the database of jobs, and what time it is there. Owns no statement.

PostgreSQL's own clock is used, since several gateways share it; SQLite has one gateway, whose clock is passed in. That
clock must not jump while the gateway runs (wall time at start plus monotonic time), or live leases would end.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, Double, Engine, cast, extract, func, literal
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause
from gateway.database import HASTY, READS


class Storage:
    """``clock`` gives Unix seconds. Every failure of the database is ``BackendError(STORAGE)``."""

    def __init__(self, database: Engine, clock: Callable[[], float]) -> None:
        self.database = database
        self.on_postgresql = database.dialect.name == "postgresql"
        self._clock = clock

    def now(self) -> ColumnElement[float]:
        """Unix seconds, as an expression: the same within a statement."""
        if self.on_postgresql:
            return cast(extract("epoch", func.statement_timestamp()), Double)
        return literal(self._clock(), Double)

    @contextmanager
    def write(self) -> Generator[Connection]:
        """One transaction; it is on the disk when the block is left."""
        with _failures("written"), self.database.begin() as connection:
            yield connection

    @contextmanager
    def write_hastily(self) -> Generator[Connection]:
        """For what the next write says again: a power cut may take it back on SQLite (0.2 instead of 0.4 ms on an
        SSD; a disk that turns takes 10 ms to be sure)."""
        with _failures("written"), self.database.connect() as connection:
            connection.execution_options(**{HASTY: True})
            yield connection
            connection.commit()

    @contextmanager
    def read(self) -> Generator[Connection]:
        """One transaction that writes nothing and waits for no writer."""
        with _failures("read"), self.database.connect().execution_options(**{READS: True}) as connection:
            yield connection


@contextmanager
def _failures(done: str) -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise BackendError(Cause.STORAGE, f"the job store cannot be {done}", private=str(error)) from error
