"""Stages that end their tasks."""

import pytest

from tests.unit.gateway.routing.stage import DispatchStage


@pytest.fixture
async def stage():
    made = []

    def make(*profiles, **fields):
        made.append(DispatchStage(*profiles, **fields))
        return made[-1]

    yield make
    for each in made:
        await each.runtime.aclose()
