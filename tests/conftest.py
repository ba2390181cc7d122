"""Fixtures for everybody: no environment of the developer's leaks into a test."""

import os

import pytest


@pytest.fixture(autouse=True)
def no_forebay_settings(monkeypatch):
    """Settings of the shell that runs the tests must not change them."""
    for name in tuple(os.environ):
        if name.startswith("FOREBAY_") and not name.startswith("FOREBAY_TEST_"):
            monkeypatch.delenv(name)
