"""The agents, one after the other, each with a folder of its own."""

import pytest

from tests.agents.agent import ALL, Agent


@pytest.fixture(params=ALL)
def agent(request: pytest.FixtureRequest) -> Agent:
    return ALL[request.param]
