"""Stages that end their tasks."""

import pytest

from tests.unit.gateway.routing.stage import DispatchStage


@pytest.fixture
async def stage(tmp_path):
    made = []

    def make(*profiles, **fields):
        made.append(DispatchStage(*profiles, tmp=tmp_path / "footprints", **fields))
        return made[-1]

    yield make
    for each in made:
        await each.runtime.aclose()
