"""One holder at a time; a dead one's text does not count."""

from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from backends.process.lock import StateLock
from tests.fakes.disk import full_disk


def test_two_holders_are_one_too_many(tmp_path: Path):
    with StateLock(tmp_path):
        with pytest.raises(BackendError, match="another gateway") as caught:
            StateLock(tmp_path).acquire()
        assert caught.value.cause is Cause.STORAGE
    with StateLock(tmp_path):
        pass


def test_the_text_of_a_dead_holder_is_taken_over(tmp_path: Path):
    (tmp_path / "gateway.lock").write_text("1 1\n and much more text than the new owner writes")
    lock = StateLock(tmp_path)
    lock.acquire()
    assert (tmp_path / "gateway.lock").read_text().count("\n") == 1
    lock.release()
    lock.release()
    assert (tmp_path / "gateway.lock").read_text() == ""


def test_a_place_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="cannot be written") as caught:
        StateLock(tmp_path / "file").acquire()
    assert caught.value.cause is Cause.STORAGE


def test_a_full_disk_refuses_and_holds_nothing(tmp_path: Path):
    with full_disk(), pytest.raises(BackendError, match="cannot be written") as caught:
        StateLock(tmp_path).acquire()
    assert caught.value.cause is Cause.STORAGE
    with StateLock(tmp_path):
        pass
