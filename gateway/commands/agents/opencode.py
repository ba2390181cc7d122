"""opencode: told all by an ``opencode.json`` beside the user's own. Pure."""

from pathlib import Path

from msgspec import json

from gateway.commands.agents.served import Served
from gateway.commands.agents.setup import KEY, Setup

PROVIDER = "forebay"
_QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
}  # fmt: skip


def setup(served: Served, home: Path) -> Setup:
    """``home`` is where its file is; sessions are where it always keeps them."""
    name = f"{PROVIDER}/{served.model}"
    limit = {"context": served.context, "output": served.output}  # without it nothing is ever compacted
    config = {
        "$schema": "https://opencode.ai/config.json",
        "model": name,
        "small_model": name,
        "enabled_providers": [PROVIDER],
        "share": "disabled",
        "autoupdate": False,
        "provider": {
            PROVIDER: {
                "npm": "@ai-sdk/openai-compatible",
                "name": "Forebay",
                "options": {"baseURL": f"{served.address}/v1", "apiKey": f"{{env:{KEY}}}"},
                "models": {served.model: {"name": served.model, "limit": limit}},
            }
        },
    }
    file = home / "opencode.json"
    environment = {"OPENCODE_CONFIG": str(file), **_QUIET}
    return Setup(
        host=served.host,
        argv=("opencode",),
        environment=environment,
        file=file,
        text=json.format(json.encode(config), indent=2).decode() + "\n",
    )
