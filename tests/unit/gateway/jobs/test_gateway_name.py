"""A gateway knows its own name after a restart."""

from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from gateway.jobs.gateway_name import gateway_name


def test_it_stays_the_same_and_is_its_own(tmp_path: Path) -> None:
    first = gateway_name(tmp_path / "a")
    assert gateway_name(tmp_path / "a") == first
    assert gateway_name(tmp_path / "b") != first


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 32])
def test_a_damaged_one_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BackendError) as failed:
        gateway_name(tmp_path / "a")
    assert failed.value.cause is Cause.STORAGE


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be read"):
        gateway_name(tmp_path / "none" / "a")
