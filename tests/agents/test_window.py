"""The smallest context that ``forebay agent`` takes for each agent: it works in it, compacts once it is full, goes on.

The engine's figures of tokens are all that an agent knows of its window, so they are scripted too.
"""

from pathlib import Path

import pytest

from gateway.commands.agents.agent import AGENTS, ROOM
from tests.agents.agent import ALL, CLAUDE
from tests.agents.scripted import after, calling, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


@pytest.mark.parametrize("name", AGENTS)
async def test_it_works_compacts_and_goes_on(name: str, tmp_path: Path) -> None:
    agent, known = ALL[name], AGENTS[name]
    full = known.least - known.least // 8 - known.reserve
    sizes = [known.prompt, known.prompt + ROOM - 500, full + 100]
    turns = [
        after(size, calling(agent.shell(f"echo {number} >> did; echo said-{number}")))
        for number, size in enumerate(sizes)
    ]
    summary = (
        [after(full, words("<summary>Three steps are done.</summary>"))] if agent is CLAUDE else []
    )  # the others offer no tools then
    async with scripted() as model:
        run = agent.run(model.served(context=known.least), tmp_path)
        played = await model.play([*turns, *summary, after(known.prompt, words("All is done."))], run)
    chats = played.requests + [chat for chat in played.asides if "title" not in str(chat["messages"][0]["content"])]
    assert (played.code, len(chats)) == (0, 5), "three steps, one summary, the end"
    assert (run.cwd / "did").read_text().split() == ["0", "1", "2"]
    assert "All is done." in played.output
    assert len(played.requests[2]["messages"]) > len(played.requests[1]["messages"]), "nothing was compacted before"
