"""Agents of other makers as the tests run them: set up as ``forebay agent`` does it, in folders of their own."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.agents.agent import AGENTS
from gateway.commands.agents.served import Served
from gateway.commands.agents.setup import Setup

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PROGRAMS = _CACHE / "forebay" / "agents" / "node_modules" / ".bin"
"""Where ``make agents`` installs them."""
PATH = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
ROOT = Path(__file__).parents[2]
PROMPT = "do what is to be done"
_OFFLINE = {"npm_config_offline": "true"}
"""opencode would look for a newer package of its own."""


@dataclass(frozen=True)
class Run:
    """A process to start."""

    argv: list[str]
    cwd: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Agent:
    """``arguments`` let it work alone; ``tool`` is its shell and what that calls a command."""

    setup: Callable[[Served, Path], Setup]
    arguments: tuple[str, ...]
    tool: tuple[str, str]

    def shell(self, command: str) -> tuple[str, dict[str, Any]]:
        """A call of its shell."""
        name, field = self.tool
        return name, {field: command, "description": "a step"}

    def start(self, model: Served, folder: Path) -> Run:
        """The same by ``forebay agent``, in an environment with a proxy that answers nobody."""
        run = self.run(model, folder)
        port = model.address.rpartition(":")[2]
        own = {"PATH": PATH, "HOME": str(folder), **_OFFLINE, "PYTHONPATH": str(ROOT)}
        own |= dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
        forebay = {"FOREBAY_PORT": port, "FOREBAY_API_KEY": "sk-local", "FOREBAY_STATE_DIR": str(folder / "state")}
        command = [sys.executable, "-m", "gateway", "agent", Path(run.argv[0]).name, model.model, "--run", "--"]
        return Run([*command, *run.argv[1:]], run.cwd, own | forebay)

    def run(self, model: Served, folder: Path, *more: str, prompt: str = PROMPT) -> Run:
        """One prompt, its answer printed. Skips where the agent is not installed."""
        setup = self.setup(model, folder / "home")
        if not (PROGRAMS / setup.argv[0]).exists():
            pytest.skip(f"{setup.argv[0]} is not installed: make agents")
        for name in ("home", "work"):
            (folder / name).mkdir()
        if setup.file is not None:
            setup.file.write_text(setup.text)
        environment = setup.whole({"PATH": PATH, "HOME": str(folder), **_OFFLINE}, "sk-local")
        argv = [str(PROGRAMS / setup.argv[0]), *self.arguments, *more, prompt]
        return Run(argv, folder / "work", environment)


CLAUDE = Agent(AGENTS["claude"].setup, ("-p", "--allowedTools=Bash,Read"), ("Bash", "command"))
CODEX = Agent(
    AGENTS["codex"].setup, ("exec", "--skip-git-repo-check", "-s", "danger-full-access"), ("exec_command", "cmd")
)
OPENCODE = Agent(AGENTS["opencode"].setup, ("run", "--auto"), ("bash", "command"))
ALL = {"claude": CLAUDE, "codex": CODEX, "opencode": OPENCODE}
