"""The two chats of an agent that calls one tool, as they reach a model."""

from pathlib import Path
from typing import Any

from tests.agents.agent import Agent
from tests.agents.scripted import calling, scripted, words


async def two_turns(agent: Agent, folder: Path, *more: str) -> list[dict[str, Any]]:
    """``messages`` and ``tools`` of both."""
    async with scripted() as model:
        turns = [calling(agent.shell("echo one")), words("Done.")]
        played = await model.play(turns, agent.run(model.served(), folder, *more))
    assert len(played.requests) == 2
    return [{key: request[key] for key in ("messages", "tools") if key in request} for request in played.requests]
