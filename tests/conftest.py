"""Fixtures for everybody: no environment of the developer's leaks into a test."""

import os

import pytest
from hypothesis import HealthCheck, settings

# A shared machine may stand still for seconds while examples are drawn: time is never what a property is about.
settings.register_profile("forebay", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("forebay")


@pytest.fixture(autouse=True)
def no_forebay_settings(monkeypatch):
    """Settings of the shell that runs the tests must not change them."""
    for name in tuple(os.environ):
        if name.startswith("FOREBAY_") and not name.startswith("FOREBAY_TEST_"):
            monkeypatch.delenv(name)
