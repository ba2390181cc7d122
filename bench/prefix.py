"""How much of an agent's second turn a real engine has read before: whole sessions, as they reach the model.

    python -m bench.prefix [--agents claude,codex,opencode]

Each agent runs two turns against a scripted model (``make agents`` installs them); their chats are then put to the
llama.cpp worker with SmolLM2. Minutes: a session is ten thousand tokens, and two cores read about a hundred a second.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import httpx

from backends.llama_cpp.args import LlamaCppArgs
from tests.agents.agent import ALL
from tests.agents.two_turns import two_turns
from tests.llama_cpp_fixtures import running, smollm2

CONTEXT = 32_768
GOAL = 0.95


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--agents", default=",".join(ALL))
    print("| agent | tokens of the first turn | read in | of the second | reused | share (goal 0.95) | read in |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in parser.parse_args().agents.split(","):
        with tempfile.TemporaryDirectory(prefix="fbp") as folder:
            chats = asyncio.run(two_turns(ALL[name], Path(folder)))
        with running("llama_cpp_python", smollm2(), args=LlamaCppArgs(context_tokens=CONTEXT, slots=1)) as worker:
            (first, begun), (second, went_on) = [asked(worker.socket, chat) for chat in chats]
        cached = second["prompt_tokens_details"]["cached_tokens"]
        share = cached / second["prompt_tokens"]
        print(
            f"| {name} | {first['prompt_tokens']} | {begun:.1f} s | {second['prompt_tokens']} | {cached} | {share:.3f} "
            f"| {went_on:.1f} s |",
            flush=True,
        )


def asked(socket: Path, chat: dict) -> tuple[dict, float]:
    """The usage of one answer, and the seconds that it took."""
    begun = time.monotonic()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://worker", timeout=1800) as client:
        answer = client.post("/v1/chat/completions", json={"model": "m", "max_tokens": 1, **chat})
    answer.raise_for_status()
    return answer.json()["usage"], time.monotonic() - begun


if __name__ == "__main__":
    main()
