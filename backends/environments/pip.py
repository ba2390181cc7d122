"""The only place that runs pip. It shows its own progress on the terminal; the raw output also goes to a log file."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

Line = Callable[[str], None]

_ENVIRONMENT = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}
_MISLEADING = ("PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")


class PipRunner(Protocol):
    """Runs pip commands; both return the exit code."""

    def run(self, python: Path, arguments: Sequence[str], log: Path) -> int:
        """Act on the environment of ``python``, with pip's own output on the terminal."""
        ...

    def read(self, arguments: Sequence[str], log: Path, each: Line) -> int:
        """Act on no environment (download, wheel) and hand every line of output to ``each``."""
        ...


class Pip:
    """pip of the running interpreter, so that an engine's environment needs none. ``options`` go to every command."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        self._options = tuple(options)

    def run(self, python: Path, arguments: Sequence[str], log: Path) -> int:
        command = [*pip_command(python), *arguments, *self._options, "--log", str(log)]
        return subprocess.run(command, env=pip_environment(), stdin=subprocess.DEVNULL, check=False).returncode

    def read(self, arguments: Sequence[str], log: Path, each: Line) -> int:
        command = [sys.executable, "-m", "pip", *arguments, *self._options]
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("a", encoding="utf-8") as copy,
            subprocess.Popen(
                command,
                env=pip_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                copy.write(line)
                each(line.rstrip("\n"))
        return process.returncode


def has_pip() -> bool:
    """Whether the running interpreter has pip; if not, engine environments bring their own."""
    return importlib.util.find_spec("pip") is not None


def pip_command(python: Path) -> list[str]:
    """How to run pip on the environment of ``python``."""
    if has_pip():
        return [sys.executable, "-m", "pip", "--python", str(python)]
    return [str(python), "-m", "pip"]


def pip_environment() -> dict[str, str]:
    """The operator's environment (indexes, proxies, certificates) less what would redirect an installation."""
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return {**kept, **_ENVIRONMENT}
