"""Claude Code, as anybody installs it, against a local model through ``/v1/messages``."""

from pathlib import Path
from typing import Any

import pytest

from tests.agents.scripted import PROGRAMS, Played, Scripted, calling, chunk, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]
PROGRAM = PROGRAMS / "claude"
QUIET = {
    "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1", "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
    "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "131072",
}  # fmt: skip


@pytest.fixture(autouse=True)
def installed() -> None:
    if not PROGRAM.exists():
        pytest.skip("Claude Code is not installed: make agents")


async def run(model: Scripted, folder: Path, turns: list[dict[str, Any]]) -> Played:
    work = folder / "work"
    work.mkdir()
    (work / "a.txt").write_text("hello from a file\n")
    environment = QUIET | {
        "HOME": str(folder), "ANTHROPIC_BASE_URL": model.address, "ANTHROPIC_AUTH_TOKEN": "sk-local",
        "ANTHROPIC_MODEL": "m",
    }  # fmt: skip
    argv = [str(PROGRAM), "-p", "--allowedTools", "Bash(echo:*),Read", "--", "read the file"]
    return await model.play(turns, argv, work, environment)


def reading(folder: Path) -> tuple[str, dict[str, Any]]:
    return "Read", {"file_path": str(folder / "work" / "a.txt")}


async def test_words(tmp_path: Path) -> None:
    async with scripted() as model:
        played = await run(model, tmp_path, [words("Nothing to do.")])
    assert (played.code, len(played.requests)) == (0, 1)
    assert "Nothing to do." in played.output


async def test_two_tools_at_once_and_neither_is_lost(tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(reading(tmp_path), ("Bash", {"command": "echo hi"})), words("Both read.")]
        played = await run(model, tmp_path, turns)
    assert (played.code, len(played.requests)) == (0, 2)
    assert "hello from a file" in played.results[0]
    assert "hi" in played.results[1]
    first, second = played.requests
    assert second["messages"][: len(first["messages"])] == first["messages"], "the engine reads only what is new"
    assert second["tools"] == first["tools"]


async def test_thoughts_and_a_tool(tmp_path: Path) -> None:
    async with scripted() as model:
        thinking = calling(reading(tmp_path))
        thinking["events"].insert(1, chunk({"reasoning_content": "I should read it."}))
        played = await run(model, tmp_path, [thinking, words("Read.")])
    assert (played.code, len(played.results)) == (0, 1)
    (said,) = [message for message in played.requests[-1]["messages"] if message["role"] == "assistant"]
    assert said["reasoning_content"] == "I should read it."


async def test_arguments_that_are_no_json_and_tools_that_do_not_exist_go_on(tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(("Read", '{"file_pa')), calling(("Fly", {})), words("I give up.")]
        played = await run(model, tmp_path, turns)
    assert "I give up." in played.output
    assert "could not be parsed as JSON" in played.results[0]


async def test_an_answer_cut_in_the_middle_is_asked_for_again(tmp_path: Path) -> None:
    async with scripted() as model:
        played = await run(model, tmp_path, [words("This never ends") | {"cut_after": 1}, words("Whole.")])
    assert "Whole." in played.output
    assert len(played.requests) >= 2


async def test_silence_does_not_kill_it(tmp_path: Path) -> None:
    async with scripted(keepalive_after=0.2, keepalive_every=0.5) as model:
        played = await run(model, tmp_path, [words("At last.") | {"first_delay": 5}])
    assert (played.code, len(played.requests)) == (0, 1)
    assert "At last." in played.output
