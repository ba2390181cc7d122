"""``forebay agent`` against a gateway that runs: what it prints, whom it starts, whom it refuses."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.picture_profile import picture_profile

STAND_IN = """\
#!/bin/sh
echo "$@|$LOCAL_API_KEY|$CODEX_HOME|${ANTHROPIC_AUTH_TOKEN:-}|${ANTHROPIC_API_KEY:-gone}"
cat "$CODEX_HOME/config.toml"
exit 7
"""
PROFILES = {
    "large": engine_profile("large", context=65_536, extra="limits: {max_output_tokens: 1000}"),
    "small": engine_profile("small", context=8_192),
    "paint": picture_profile("paint"),
}


@pytest.fixture
async def gateway(shell):
    async with running_gateway(PROFILES) as running:
        shell.set("port", running.address.rpartition(":")[2])
        yield running


async def test_it_prints_what_to_paste(shell, gateway: RunningGateway) -> None:
    shell.set("api_key", "never-printed")
    shown = await asyncio.to_thread(shell.ok, "agent", "claude", "large", "--", "-p", "say hi")
    assert "# Claude Code with large: 65536 tokens of context, answers of 1000\n" in shown
    assert f"export ANTHROPIC_BASE_URL={gateway.address}\n" in shown
    assert "export CLAUDE_CODE_MAX_OUTPUT_TOKENS=1000\n" in shown
    assert shown.endswith("# then: claude -p 'say hi'\n")
    assert "never-printed" not in shown
    assert not (shell.root / "state" / "agents").exists(), "printing writes nothing"


async def test_a_key_in_a_file_stays_there(shell, gateway: RunningGateway) -> None:
    (shell.root / "key").write_text("never-printed\n")
    shell.set("api_key_file", str(shell.root / "key"))
    shown = await asyncio.to_thread(shell.ok, "agent", "opencode", "large")
    assert f'export LOCAL_API_KEY="$(cat {shell.root / "key"})"\n' in shown
    assert "never-printed" not in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("codex", "paint"), "paint does not chat"),
        (("codex", "nobody"), "nobody"),
        (("codex", "small"), "small is served with 8192 tokens of context, and Codex needs"),
        (("pi", "large"), "'pi' is not one of 'claude', 'codex', 'opencode'"),
    ],
)
async def test_refusals_are_sentences(shell, gateway: RunningGateway, arguments: tuple[str, ...], said: str) -> None:
    done = await asyncio.to_thread(shell.run, "agent", *arguments)
    assert done.exit_code != 0
    assert said in done.stderr
    assert done.stdout == ""


async def test_a_small_context_can_be_insisted_on(shell, gateway: RunningGateway) -> None:
    shown = await asyncio.to_thread(shell.ok, "agent", "codex", "small", "--force")
    assert "model_context_window = 8192\n" in shown


async def test_it_becomes_the_agent(shell, gateway: RunningGateway) -> None:
    program = shell.root / "bin" / "codex"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}/usr/bin:/bin", "ANTHROPIC_API_KEY": "a key"}
    done = await asyncio.to_thread(start, environment, "codex", "large", "--run", "--", "exec", "--json", "say hi")
    home = shell.root / "state" / "agents" / "codex"
    assert done.returncode == 7, "its exit code is the agent's"
    first, *config = done.stdout.splitlines()
    assert first == f"exec --json say hi|none|{home}||a key"
    assert f'base_url = "{gateway.address}/v1"' in config
    assert home.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in home.iterdir()] == ["config.toml"]


async def test_where_nothing_can_be_written_is_said(shell, gateway: RunningGateway, monkeypatch) -> None:
    (shell.root / "codex").write_text(STAND_IN)
    (shell.root / "codex").chmod(0o755)
    monkeypatch.setenv("PATH", str(shell.root))
    (shell.root / "state" / "agents").write_text("a file where a folder should be")
    done = await asyncio.to_thread(shell.run, "agent", "codex", "large", "--run")
    assert done.exit_code == 1
    assert "config.toml cannot be written" in done.output


async def test_an_agent_that_is_not_on_the_path(shell, gateway: RunningGateway, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(shell.root))
    done = await asyncio.to_thread(shell.run, "agent", "claude", "large", "--run")
    assert done.exit_code == 1
    assert "claude is not installed, or not on the PATH" in done.output


async def test_an_agent_that_is_not_there(shell, gateway: RunningGateway) -> None:
    environment = os.environ | {"PATH": str(shell.root)}
    done = await asyncio.to_thread(start, environment, "codex", "large", "--run")
    assert done.returncode == 1
    assert "codex is not installed, or not on the PATH" in done.stderr


def start(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "agent", *arguments],
        cwd=Path(__file__).parents[4], env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
