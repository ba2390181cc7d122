"""One turn of every agent with SmolLM2 behind llama.cpp: nothing is scripted, and nothing is expected of what it says.

The agents' own prompts are cut down: on a small machine ten thousand tokens take longer than anybody waits for a test.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.commands.agents.served import Served
from tests.agents.agent import ALL, Run
from tests.real_gateway import PROFILE, RealGateway, real_gateway

pytestmark = [pytest.mark.agents, pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(400)]
RUNTIME = "llama_cpp_python"
CONTEXT = 8192
SHORT = "You are an assistant. Answer in one short sentence."
QUESTION = "What is the capital of France?"
SECONDS = 300


def profile() -> str:
    """SmolLM2 that says the same each time and does not say it twice."""
    data = yaml.safe_load(PROFILE.read_text("utf-8"))
    (variant,) = data["variants"]
    variant["footprint"]["kv_bytes"] = variant["footprint"]["kv_bytes"] * CONTEXT // variant["engine"]["context_tokens"]
    variant["engine"] |= {"runtime": RUNTIME, "context_tokens": CONTEXT, "slots": 2}
    data |= {"id": "m", "aliases": [], "defaults": {"temperature": 0, "repeat_penalty": 1.2}}
    return yaml.safe_dump(data, sort_keys=False)


@pytest.fixture(scope="module")
def gateway() -> Iterator[RealGateway]:
    with real_gateway(RUNTIME, profiles={"m": profile()}, queue_wait=SECONDS, first_event_timeout=SECONDS) as running:
        running.post("/api/load", {"model": "m"})
        yield running


def said(gateway: RealGateway, name: str, folder: Path, *more: str) -> str:
    """What an agent printed, when it ended well."""
    run = prepared(name, Served(model="m", address=gateway.address, context=CONTEXT, output=512), folder, more)
    done = subprocess.run(
        run.argv, cwd=run.cwd, env=dict(run.environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepared(name: str, model: Served, folder: Path, more: tuple[str, ...]) -> Run:
    run = ALL[name].run(model, folder, *more, prompt=QUESTION)
    (folder / "short.md").write_text(SHORT)
    plain = {"mode": "primary", "prompt": SHORT, "tools": {"*": False}}
    (run.cwd / "opencode.json").write_text(json.dumps({"agent": {"plain": plain}}))
    return run


def test_claude(gateway: RealGateway, tmp_path: Path) -> None:
    assert said(gateway, "claude", tmp_path, "--bare").strip()


def test_codex(gateway: RealGateway, tmp_path: Path) -> None:
    instructions = f"model_instructions_file={tmp_path / 'short.md'}"
    assert said(
        gateway, "codex", tmp_path, "-c", instructions, "--disable", "multi_agent", "--disable", "goals"
    ).strip()


def test_opencode(gateway: RealGateway, tmp_path: Path) -> None:
    assert said(gateway, "opencode", tmp_path, "--agent", "plain").strip()
