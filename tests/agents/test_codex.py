"""Codex, as anybody installs it, against a local model through ``/v1/responses``."""

from pathlib import Path
from typing import Any

import pytest

from tests.agents.scripted import PROGRAMS, Played, Scripted, calling, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]
PROGRAM = PROGRAMS / "codex"
CONFIG = """\
model = "m"
model_provider = "local"
model_context_window = 131072
[model_providers.local]
name = "local"
base_url = "{address}/v1"
wire_api = "responses"
stream_idle_timeout_ms = {idle}
request_max_retries = 1
stream_max_retries = 1
[analytics]
enabled = false
"""


@pytest.fixture(autouse=True)
def installed() -> None:
    if not PROGRAM.exists():
        pytest.skip("Codex is not installed: make agents")


async def run(model: Scripted, folder: Path, turns: list[dict[str, Any]], *, idle: int = 60_000) -> Played:
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    (work / "a.txt").write_text("hello from a file\n")
    (work / "b.txt").write_text("and from another\n")
    (home / "config.toml").write_text(CONFIG.format(address=model.address, idle=idle))
    argv = [str(PROGRAM), "exec", "--skip-git-repo-check", "--disable", "apps", "--disable", "plugins",
            "-s", "danger-full-access", "read the files"]  # fmt: skip
    return await model.play(turns, argv, work, {"CODEX_HOME": str(home), "HOME": str(home)})


def cat(name: str) -> tuple[str, dict[str, Any]]:
    return "exec_command", {"cmd": f"cat {name}"}


async def test_words(tmp_path: Path) -> None:
    async with scripted() as model:
        played = await run(model, tmp_path, [words("Nothing to do.")])
    assert (played.code, len(played.requests)) == (0, 1)
    assert "Nothing to do." in played.output
    names = [tool["function"]["name"] for tool in played.requests[0]["tools"]]
    assert "exec_command" in names
    assert any(name.startswith("multi_agent_v1__") for name in names), "a group, told as flat names"


async def test_a_tool_and_its_result(tmp_path: Path) -> None:
    async with scripted() as model:
        played = await run(model, tmp_path, [calling(cat("a.txt")), words("It says hello.")])
    assert (played.code, len(played.requests)) == (0, 2)
    assert ["hello from a file" in result for result in played.results] == [True]
    assert "It says hello." in played.output
    first, second = played.requests
    assert second["messages"][: len(first["messages"])] == first["messages"], "what was said stays as it was"
    assert second["tools"] == first["tools"]


async def test_two_tools_at_once_and_neither_is_lost(tmp_path: Path) -> None:
    async with scripted() as model:
        played = await run(model, tmp_path, [calling(cat("a.txt"), cat("b.txt")), words("Both read.")])
    assert played.code == 0
    assert len(played.results) == 2
    assert "hello from a file" in played.results[0]
    assert "and from another" in played.results[1]


async def test_arguments_that_are_no_json_and_tools_that_do_not_exist_go_on(tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(("exec_command", '{"cmd": "ca')), calling(("fly", {})), words("I give up.")]
        played = await run(model, tmp_path, turns)
    assert "I give up." in played.output
    assert len(played.results) == 2


async def test_silence_does_not_kill_it(tmp_path: Path) -> None:
    async with scripted(keepalive_after=0.2, keepalive_every=0.5) as model:
        slow = words("At last.") | {"first_delay": 6}
        played = await run(model, tmp_path, [slow], idle=2_000)
    assert (played.code, len(played.requests)) == (0, 1)
    assert "At last." in played.output


async def test_an_answer_cut_in_the_middle_is_asked_for_again(tmp_path: Path) -> None:
    async with scripted() as model:
        cut = words("This never ends") | {"cut_after": 1}
        played = await run(model, tmp_path, [cut, words("Whole.")])
    assert "Whole." in played.output
    assert len(played.requests) >= 2
