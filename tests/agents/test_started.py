"""Every agent started by ``forebay agent``, with a key that the gateway asks for, and at work."""

from pathlib import Path

import pytest

from tests.agents.agent import Agent
from tests.agents.scripted import calling, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


async def test_it_works_as_it_is_started(agent: Agent, tmp_path: Path) -> None:
    async with scripted(api_key="sk-local") as model:
        turns = [calling(agent.shell("echo one >> did; echo said-one")), words("It is done.")]
        played = await model.play(turns, agent.start(model.served(), tmp_path))
    assert (played.code, len(played.requests)) == (0, 2), played.output
    assert ["said-one" in result for result in played.results] == [True]
    assert (tmp_path / "work" / "did").read_text() == "one\n"
    assert "It is done." in played.output
    assert not any((tmp_path / name).exists() for name in (".claude", ".claude.json", ".codex")), "the user's own"
