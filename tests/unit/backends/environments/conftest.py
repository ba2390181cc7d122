"""The workshop that the installation tests share."""

from pathlib import Path

import pytest

from tests.unit.backends.environments.local_index import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
