"""opencode, as anybody installs it, against a local model through ``/v1/chat/completions``: what only it does."""

from pathlib import Path

import pytest

from tests.agents.agent import OPENCODE
from tests.agents.scripted import calling, scripted, words

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


async def test_a_file_that_is_written_and_a_title(tmp_path: Path) -> None:
    async with scripted() as model:
        served = model.served()
        run = OPENCODE.run(served, tmp_path)
        writing = calling(("write", {"filePath": str(run.cwd / "new.txt"), "content": "from the model\n"}))
        played = await model.play([writing, words("Written.")], run)
    assert (played.code, len(played.results)) == (0, 1)
    assert (run.cwd / "new.txt").read_text() == "from the model\n"
    assert [title["model"] for title in played.asides] == ["m"], "the small model is the same one"
    assert {asked["max_tokens"] for asked in played.requests} == {served.output}, "its own guess may be too large"
