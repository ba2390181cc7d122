"""The workshop that the installation tests share, away from what this machine's pip has been told."""

import os
from pathlib import Path

import pytest

from tests.unit.backends.environments.local_index import Workshop


@pytest.fixture(autouse=True)
def plain_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constraint of the machine's would refuse the versions that are made up here."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
