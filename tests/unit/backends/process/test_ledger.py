"""Entries are whole or absent, and rubbish proves nothing."""

from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from backends.process.identity import Identity
from backends.process.ledger import Entry, Ledger
from tests.fakes.disk import full_disk

ENTRY = Entry(leader=Identity(10, 20), boot="b", command="engine", members=(Identity(11, 21),))


def test_what_is_recorded_is_found_until_forgotten(tmp_path: Path):
    ledger = Ledger(tmp_path / "engines")
    assert ledger.entries() == ()
    ledger.record(Entry(leader=Identity(10, 20), boot="b", command="engine"))
    ledger.record(ENTRY)
    assert ledger.entries() == (ENTRY,)
    assert ENTRY.group == 10
    ledger.forget(ENTRY)
    ledger.forget(ENTRY)
    assert ledger.entries() == ()


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"leader": 7}', b"\xff"])
def test_rubbish_is_removed(tmp_path: Path, rubbish: bytes):
    ledger = Ledger(tmp_path)
    ledger.record(ENTRY)
    (tmp_path / "7-7.json").write_bytes(rubbish)
    assert ledger.entries() == (ENTRY,)
    assert not (tmp_path / "7-7.json").exists()


def test_a_directory_in_the_place_of_an_entry_is_passed_over(tmp_path: Path):
    (tmp_path / "7-7.json").mkdir()
    assert Ledger(tmp_path).entries() == ()


def test_a_directory_that_cannot_be_written_is_a_storage_failure(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError) as caught:
        Ledger(tmp_path / "file").record(ENTRY)
    assert caught.value.cause is Cause.STORAGE
    assert str(tmp_path) not in caught.value.detail
    Ledger(tmp_path / "file").forget(ENTRY)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path):
    with full_disk(), pytest.raises(BackendError) as caught:
        Ledger(tmp_path).record(ENTRY)
    assert caught.value.cause is Cause.STORAGE
    assert list(tmp_path.iterdir()) == []
