"""What a real engine reuses in the second turn of an agent: nearly all that it read in the first.

The agent runs against a scripted model; what reached that is then put to llama.cpp as it was.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.llama_cpp.args import LlamaCppArgs
from tests.agents.agent import CLAUDE, Agent
from tests.agents.two_turns import two_turns
from tests.llama_cpp_fixtures import Worker, running, weights

__all__ = ["weights"]
pytestmark = [pytest.mark.agents, pytest.mark.real, pytest.mark.timeout(180)]
LEAST = 0.95


async def tokens(worker: Worker, request: dict[str, Any]) -> list[int]:
    answer = await worker.post("/tokenize", request)
    assert answer.status_code == 200, answer.text
    return answer.json()["tokens"]


@pytest.fixture(scope="module")
def worker(weights: Path) -> Iterator[Worker]:
    with running("llama_cpp_python", weights, args=LlamaCppArgs(context_tokens=4096, slots=1)) as made:
        yield made


async def test_the_second_turn_begins_as_the_first(agent: Agent, worker: Worker, tmp_path: Path) -> None:
    first, second = [await tokens(worker, request) for request in await two_turns(agent, tmp_path)]
    same = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(first))
    assert same >= LEAST * len(second), f"{same} of {len(second)} tokens"


async def test_the_engine_reads_only_what_is_new(worker: Worker, tmp_path: Path) -> None:
    """With the shortest prompt that an agent has: the whole one takes minutes on a small machine."""
    usage: dict[str, Any] = {}
    for request in await two_turns(CLAUDE, tmp_path, "--bare"):
        answer = await worker.post("/v1/chat/completions", {"model": "m", "max_tokens": 1, **request})
        assert answer.status_code == 200, answer.text
        usage = answer.json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] >= LEAST * usage["prompt_tokens"]
