"""Stored responses in the state database: by owner, until they expire. Calls are synchronous: make them in a thread."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import Column, Double, Engine, LargeBinary, MetaData, Table, Text, delete, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause

MOST_BYTES = 8 * 1024 * 1024
"""A conversation that is larger is answered, but not kept."""

_metadata = MetaData()
_responses = Table(
    "responses",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("expires_at", Double[float](), nullable=False, index=True),
    Column("items", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
)


class Stored(Struct, frozen=True, kw_only=True):
    """``items`` are all that led to it, earlier turns too; ``response`` is the object as its client got it."""

    id: str
    items: list[Raw]
    response: bytes


class ResponseStore:
    """``clock`` gives Unix seconds. Everything raises ``BackendError(STORAGE)``."""

    def __init__(self, database: Engine, clock: Callable[[], float], keep_seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._keep_seconds = keep_seconds
        with _failures("made"):
            try:
                _metadata.create_all(database)
            except SQLAlchemyError:
                # Two gateways that start at once on one PostgreSQL: the other one's table will do.
                if not inspect(database).has_table(_responses.name):
                    raise

    def put(self, owner: str, stored: Stored) -> bool:
        """Keeps it; false when it is too large."""
        items = msgspec.json.encode(stored.items)
        if len(items) + len(stored.response) > MOST_BYTES:
            return False
        with _failures("written"), self._database.begin() as connection:
            connection.execute(
                insert(_responses).values(
                    id=stored.id, owner=owner, expires_at=self._clock() + self._keep_seconds, items=items,
                    response=stored.response,
                )
            )  # fmt: skip
        return True

    def get(self, owner: str, response_id: str) -> Stored | None:
        """Another owner's is absent."""
        mine = (_responses.c.id == response_id, _responses.c.owner == owner, _responses.c.expires_at > self._clock())
        with _failures("read"), self._database.connect() as connection:
            row = connection.execute(select(_responses).where(*mine)).one_or_none()
        if row is None:
            return None
        return Stored(id=row.id, items=msgspec.json.decode(row.items, type=list[Raw]), response=row.response)

    def remove(self, owner: str, response_id: str) -> bool:
        """True when there was one."""
        gone = delete(_responses).where(_responses.c.id == response_id, _responses.c.owner == owner)
        with _failures("written"), self._database.begin() as connection:
            return connection.execute(gone).rowcount == 1

    def sweep(self) -> None:
        """Those that have expired go."""
        with _failures("written"), self._database.begin() as connection:
            connection.execute(delete(_responses).where(_responses.c.expires_at <= self._clock()))


@contextmanager
def _failures(done: str) -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise BackendError(Cause.STORAGE, f"stored responses cannot be {done}", private=str(error)) from error
