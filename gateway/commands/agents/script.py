"""A setup as lines for a shell, ready to paste: the same that ``--run`` does. Pure; it never holds a key."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from gateway.commands.agents.setup import DIRECT, NOBODY, Setup

_END = "END_OF_FILE"


def script(setup: Setup, heading: str, key_file: Path | None) -> str:
    """``key_file`` is where the key is, if not in the environment."""
    return "\n".join(_lines(setup, heading, key_file)) + "\n"


def _lines(setup: Setup, heading: str, key_file: Path | None) -> Iterator[str]:
    yield f"# {' '.join(heading.split())}"
    if setup.file is not None:
        yield f"mkdir -p {shlex.quote(str(setup.file.parent))}"
        yield f"cat > {shlex.quote(str(setup.file))} <<'{_END}'\n{setup.text}{_END}"
    if setup.unset:
        yield f"unset {' '.join(setup.unset)}"
    for name, value in setup.environment.items():
        yield f"export {name}={shlex.quote(value)}"
    for name in DIRECT:
        yield f'export {name}="${{{name}:+${name},}}{setup.host}"'
    given = f"${{FOREBAY_API_KEY:-{NOBODY}}}" if key_file is None else f"$(cat {shlex.quote(str(key_file))})"
    yield f'export {setup.key_variable}="{given}"'
    yield f"# then: {shlex.join(setup.argv)}"
