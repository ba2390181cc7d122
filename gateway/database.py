"""The state database: SQLite in the state directory by default, PostgreSQL by URL. Opens connections; owns no table.

SQLite runs in WAL with ``BEGIN IMMEDIATE`` (measured: deferred transactions lose 300 of 400 writes under four writers)
and waits for the disk at every commit. Two execution options of a connection say otherwise: ``READS`` takes no write
lock, ``HASTY`` does not wait for the disk, so that a power cut may take back that commit and nothing before it.
PostgreSQL knows neither and needs neither.
"""

from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from backends.errors import BackendError, Cause

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

READS = "forebay_reads"
HASTY = "forebay_hasty"

_BUSY_MILLISECONDS = 5_000
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_CONNECT_SECONDS = 5
_DEAD_PEER_MILLISECONDS = 15_000


def open_database(where: Path | str) -> Engine:
    """An engine on the SQLite file at a ``Path``, made if absent, or on the PostgreSQL database of a URL.

    Raises ``BackendError(STORAGE)`` when it is damaged, cannot be reached or is no such URL.
    """
    return _open_sqlite(where) if isinstance(where, Path) else _open_postgresql(where)


def _open_sqlite(path: Path) -> Engine:
    _make_private(path)
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)  # its errors go into logs

    def connected(connection: "DBAPIConnection", _record: "ConnectionPoolEntry") -> None:
        assert isinstance(connection, SQLiteConnection)
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")

    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        # Outside a transaction only, and every time: the connection comes from a pool (1 µs).
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if HASTY in options else 'FULL'}")
        connection.exec_driver_sql("BEGIN" if READS in options else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    try:
        with engine.connect() as connection:
            state = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except SQLAlchemyError as error:
        engine.dispose()
        raise BackendError(Cause.STORAGE, f"the state database {path} cannot be opened", private=str(error)) from error
    if state != "ok":
        engine.dispose()
        raise BackendError(Cause.STORAGE, f"the state database {path} is damaged: move it away or restore a copy")
    return engine


def _open_postgresql(given: str) -> Engine:
    """Nothing of the URL is said in ``detail``, and its password nowhere: errors lose their chain for that reason."""
    url = _address(given)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,  # the server may have been restarted under idle connections
        isolation_level="READ COMMITTED",  # claims skip locked rows; a stricter default of the server would fail them
        connect_args={"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _DEAD_PEER_MILLISECONDS},
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError as error:
        engine.dispose()
        # What is not about connecting is about the URL, and quotes it.
        said = str(error) if isinstance(error, OperationalError) else "the driver does not take the URL's options"
        for secret in {url.password or "", given} - {""}:
            said = said.replace(secret, "***")
        raise BackendError(Cause.STORAGE, "the PostgreSQL database cannot be opened", private=said) from None
    return engine


def _address(given: str) -> URL:
    """Names the driver. A URL cut at the wrong place would show pieces of its password as a host: refused."""
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise BackendError(Cause.STORAGE, "the database URL cannot be read; write postgresql://…") from None
    if url.drivername not in _SCHEMES:
        raise BackendError(Cause.STORAGE, "the database URL must begin with postgresql://")
    if "@" in f"{url.host}{url.database}":
        raise BackendError(
            Cause.STORAGE, "the database URL is ambiguous: write @ : / ? # of a password as %40 and so on"
        )
    return url.set(drivername="postgresql+psycopg")


def _make_private(path: Path) -> None:
    """Before it is opened: SQLite gives the files of its log the mode of the database."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        if path.is_file():
            path.chmod(0o600)
    except OSError as error:
        raise BackendError(Cause.STORAGE, f"the state database {path} cannot be made: {error.strerror}") from error
