"""Claude Code: told all by environment variables; its own settings stay out of it. Pure."""

from pathlib import Path

from gateway.commands.agents.served import Served
from gateway.commands.agents.setup import Setup

_QUIET = {
    "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1", "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}  # fmt: skip
_MODELS = (
    "ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL",
)  # fmt: skip
_ELSEWHERE = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")


def setup(served: Served, home: Path) -> Setup:
    """``home`` is a folder for its settings and sessions."""
    environment = {
        "ANTHROPIC_BASE_URL": served.address,
        **dict.fromkeys(_MODELS, served.model),
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS": str(served.context),  # otherwise it believes in a million
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(served.output),
        "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",  # changes with each prompt, and the engine would read all of it anew
        **_QUIET,
        "CLAUDE_CONFIG_DIR": str(home),
    }
    return Setup(
        host=served.host,
        argv=("claude",),
        environment=environment,
        key_variable="ANTHROPIC_AUTH_TOKEN",
        unset=_ELSEWHERE,
    )
