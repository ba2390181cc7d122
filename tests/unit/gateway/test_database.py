"""The state database: private to its owner, safe under several writers, and never recreated over a damaged one."""

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from backends.errors import BackendError, Cause
from gateway.database import HASTY, READS, open_database


@pytest.fixture
def database(tmp_path: Path):
    engine = open_database(tmp_path / "state" / "forebay.db")
    yield engine
    engine.dispose()


def test_it_is_made_with_its_folder_for_its_owner_only(database, tmp_path: Path):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        files = sorted((tmp_path / "state").iterdir())
        assert len(files) == 3, "the log and the index of WAL are there while it is open"
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_file_others_could_read_is_closed_to_them(tmp_path: Path):
    path = tmp_path / "forebay.db"
    path.touch(mode=0o644)
    open_database(path).dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_written_survives_the_next_open(tmp_path: Path):
    path = tmp_path / "forebay.db"
    first = open_database(path)
    with first.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (7)"))
    first.dispose()
    second = open_database(path)
    with second.connect() as connection:
        assert connection.execute(text("SELECT n FROM t")).scalar() == 7
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    second.dispose()


def test_a_failure_inside_a_transaction_takes_all_of_it_back(database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))

    def fail() -> None:
        with database.begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar() == 0


def test_writers_who_read_first_do_not_lose_each_others_writes(database):
    """With deferred transactions most of these fail at once: the reason for BEGIN IMMEDIATE."""
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (0)"))
    failures = []

    def count() -> None:
        for _ in range(10):
            try:
                with database.begin() as connection:
                    seen = connection.execute(text("SELECT n FROM t")).scalar()
                    connection.execute(text("UPDATE t SET n = :n"), {"n": seen + 1})
            except Exception as error:
                failures.append(error)

    writers = [threading.Thread(target=count) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    with database.connect() as connection:
        assert connection.execute(text("SELECT n FROM t")).scalar() == 40


def damaged(path: Path) -> bytes:
    """A database whose first table page is overwritten."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (n TEXT)")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 100)
    connection.commit()
    connection.close()
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 6] = b"\xa5" * (4096 * 5)
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("damage", [damaged, lambda path: path.write_bytes(b"no database at all " * 300)])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage):
    path = tmp_path / "forebay.db"
    damage(path)
    before = path.read_bytes()
    with pytest.raises(BackendError) as refused:
        open_database(path)
    assert refused.value.cause is Cause.STORAGE
    assert "forebay.db" in refused.value.detail
    assert path.read_bytes() == before


def test_a_place_that_cannot_hold_it_is_refused(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder", tmp_path / "file" / "forebay.db"):
        with pytest.raises(BackendError) as refused:
            open_database(path)
        assert refused.value.cause is Cause.STORAGE
        assert path.name in refused.value.detail


def test_a_reader_does_not_wait_for_a_writer(database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    with database.begin() as writer:
        writer.execute(text("INSERT INTO t VALUES (1)"))
        with database.connect().execution_options(**{READS: True}) as reader:
            assert reader.execute(text("SELECT count(*) FROM t")).scalar() == 0


def test_only_a_hasty_write_does_not_wait_for_the_disk(database):
    normal, full = 1, 2
    with database.connect().execution_options(**{HASTY: True}) as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == normal
    for _ in range(2):  # of the same pool, so of the same connection
        with database.connect() as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == full
