"""What every agent makes of trouble behind the gateway: it comes through, or ends with the reason."""

from pathlib import Path

import pytest

from tests.agents.agent import CODEX, Agent
from tests.agents.scripted import calling, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


async def test_an_answer_cut_in_the_middle_is_asked_for_again(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        cut = words("This never ends") | {"cut_after": 1}
        played = await model.play([cut, words("Whole.")], agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests)) == (0, 2)
    assert "Whole." in played.output


async def test_a_tool_is_not_run_when_its_call_was_cut(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        cut = calling(agent.shell("echo one >> did")) | {"cut_after": 2}
        played = await model.play([cut, words("Whole.")], agent.run(model.served(), tmp_path))
    assert (played.code, played.results) == (0, [])
    assert not (tmp_path / "work" / "did").exists()
    assert "Whole." in played.output


async def test_a_model_that_turns_away_twice(agent: Agent, tmp_path: Path) -> None:
    """Codex ends on one 429: the gateway waits in its stead."""
    async with scripted() as model:
        turns = [{"status": 429, "retry_after": 1}, {"status": 429}, words("At last.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests)) == (0, 3)
    assert "At last." in played.output


async def test_a_model_that_fails_once(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [{"status": 500, "message": "the engine stumbled"}, words("At last.")]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert (played.code, len(played.requests)) == (0, 2)
    assert "At last." in played.output


async def test_a_refusal_is_told_in_the_models_own_words(agent: Agent, tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [{"status": 400, "message": "tools must not fly"}]
        played = await model.play(turns, agent.run(model.served(), tmp_path))
    assert played.code == 1
    assert "tools must not fly" in played.output


async def test_silence_does_not_kill_it(agent: Agent, tmp_path: Path) -> None:
    more = ("-c", "model_providers.forebay.stream_idle_timeout_ms=2000") if agent is CODEX else ()
    async with scripted(keepalive_after=0.2, keepalive_every=0.5) as model:
        slow = words("At last.") | {"first_delay": 5}
        played = await model.play([slow], agent.run(model.served(), tmp_path, *more))
    assert (played.code, len(played.requests)) == (0, 1)
    assert "At last." in played.output
