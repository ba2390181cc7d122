"""Claude Code, as anybody installs it, against a local model through ``/v1/messages``: what only it does."""

from pathlib import Path

import pytest

from tests.agents.agent import CLAUDE
from tests.agents.scripted import calling, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


async def test_a_file_that_is_read(tmp_path: Path) -> None:
    async with scripted() as model:
        run = CLAUDE.run(model.served(), tmp_path)
        (run.cwd / "a.txt").write_text("hello from a file\n")
        reading = calling(("Read", {"file_path": str(run.cwd / "a.txt")}), CLAUDE.shell("echo hi"))
        played = await model.play([reading, words("Both read.")], run)
    assert (played.code, len(played.results)) == (0, 2)
    assert "hello from a file" in played.results[0]
    assert "hi" in played.results[1]


async def test_bad_arguments_are_told_as_an_error(tmp_path: Path) -> None:
    async with scripted() as model:
        turns = [calling(("Read", '{"file_pa')), words("I give up.")]
        played = await model.play(turns, CLAUDE.run(model.served(), tmp_path))
    assert "could not be parsed as JSON" in played.results[0]
