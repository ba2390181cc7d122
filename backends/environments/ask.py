"""Asking the Python of an environment. The answer is what it printed, or in words why there is none."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

_SECONDS = 120.0


def ask(python: Path, arguments: Sequence[str], *, seconds: float = _SECONDS) -> tuple[str, str]:
    """What ``python -I ARGUMENTS`` printed, and in words what went wrong: one of them is empty, or both."""
    try:
        done = subprocess.run(
            [str(python), "-I", *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"its Python does not run: {error}"
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return "", f"cannot be imported: {last[:300]}"
    return done.stdout.strip(), ""
