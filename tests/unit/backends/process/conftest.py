"""Short directories: socket paths have about a hundred bytes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as name:
        yield Path(name)
