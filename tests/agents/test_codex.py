"""Codex, as anybody installs it, against a local model through ``/v1/responses``: what only it does."""

from pathlib import Path

import pytest

from tests.agents.agent import CODEX
from tests.agents.scripted import scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


async def test_a_group_of_tools_is_told_as_flat_names(tmp_path: Path) -> None:
    async with scripted() as model:
        played = await model.play([words("Nothing to do.")], CODEX.run(model.served(), tmp_path))
    assert (played.code, len(played.requests)) == (0, 1)
    names = [tool["function"]["name"] for tool in played.requests[0]["tools"]]
    assert "exec_command" in names
    assert any(name.startswith("multi_agent_v1__") for name in names)
