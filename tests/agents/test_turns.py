"""What every agent makes of an answer: words, tools, thoughts, and what small models get wrong.

What a tool did is counted on the disk, what the model learned of it in its last request: exit codes tell neither.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.agents.agent import CLAUDE, CODEX, Agent
from tests.agents.scripted import calling, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


def step(agent: Agent, name: str):
    """A call that leaves a line on the disk and says another."""
    return agent.shell(f"echo {name} >> did; echo said-{name}")


def done(folder: Path) -> list[str]:
    """Lines that tools left, in order of their names: nobody promises another."""
    left = folder / "work" / "did"
    return sorted(left.read_text().split()) if left.exists() else []


async def test_words(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        played = await model.play([words("Nothing to do.")], agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests)) == (0, 1)
    assert "Nothing to do." in played.output


async def test_a_tool_and_then_another(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(step(agent, "one")), calling(step(agent, "two")), words("Both are done.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests), done(tmp_path)) == (0, 3, ["one", "two"])
    assert ["said-one" in result for result in played.results] == [True, False]
    assert ["said-two" in result for result in played.results] == [False, True]
    assert "Both are done." in played.output
    for before, after in pairwise(played.requests):
        assert after["messages"][: len(before["messages"])] == before["messages"], "the engine reads only what is new"
        assert after["tools"] == before["tools"]


async def test_two_tools_at_once_and_neither_is_lost(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(step(agent, "one"), step(agent, "two")), words("Both are done.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests), done(tmp_path)) == (0, 2, ["one", "two"])
    assert len(played.results) == 2
    assert "said-one" in played.results[0]
    assert "said-two" in played.results[1]


async def test_thoughts_and_a_tool(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(step(agent, "one"), thought="I should begin."), words("It is done.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert (played.code, done(tmp_path), len(played.results)) == (0, ["one"], 1)
    (said,) = [message for message in played.requests[-1]["messages"] if message["role"] == "assistant"]
    assert said["reasoning_content"] == "I should begin.", "models that think go on from what they thought"


async def test_arguments_that_are_no_json(agent: Agent, tmp_path: Path) -> None:
    name, field = agent.tool
    async with scripted() as model:
        turns = [calling((name, f'{{"{field}": "echo one >> di')), words("I give up.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests), done(tmp_path)) == (0, 2, [])
    assert len(played.results) == 1
    assert "I give up." in played.output


async def test_a_tool_that_does_not_exist_beside_one_that_does(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(("fly", {}), step(agent, "one")), words("I give up.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests), done(tmp_path)) == (0, 2, ["one"])
    assert ["said-one" in result for result in played.results] == [False, True]
    assert "I give up." in played.output


async def test_an_empty_answer_ends_it(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        played = await model.play([words("")], agent.run(model.served(), tmp_path))
    assert played.code == 0
    assert len(played.requests) == (2 if agent is CLAUDE else 1), "asked again once, never for ever"


async def test_an_answer_that_reached_its_limit(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [words("It is long and", "length"), words("this is the end.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert played.code == (1 if agent is CODEX else 0)
    assert len(played.requests) == (2 if agent is CLAUDE else 1), "one lets it go on, the others stop and say so"
    assert ("this is the end." if agent is CLAUDE else "It is long and") in played.output
    if agent is CODEX:
        assert "max_output_tokens" in played.output
