"""Codex: told all by a ``config.toml`` in a home of its own. Pure.

Its daemon stays off: it would outlive the session, with a copy of the whole program beside that file.
"""

from pathlib import Path

from msgspec import json

from gateway.commands.agents.served import Served
from gateway.commands.agents.setup import KEY, Setup

IDLE_MS = 600_000
"""Silence that it bears: a large prompt on a slow machine, though the gateway gives signs of life all the time."""

_CONFIG = """\
model = {model}
model_provider = "forebay"
model_context_window = {context}
model_auto_compact_token_limit = {compact}

[model_providers.forebay]
name = "Forebay"
base_url = {base_url}
wire_api = "responses"
env_key = "{key}"
stream_idle_timeout_ms = {idle}

[features]
apps = false
plugins = false
daemon_auto_start = false

[analytics]
enabled = false
"""


def setup(served: Served, home: Path) -> Setup:
    """``home`` is where its file and its sessions are."""
    text = _CONFIG.format(
        model=_quoted(served.model),
        context=served.context,
        compact=served.context - served.output,
        base_url=_quoted(f"{served.address}/v1"),
        key=KEY,
        idle=IDLE_MS,
    )
    return Setup(
        host=served.host, argv=("codex",), environment={"CODEX_HOME": str(home)}, file=home / "config.toml", text=text
    )


def _quoted(text: str) -> str:
    """A string of JSON is one of TOML too."""
    return json.encode(text).decode()
