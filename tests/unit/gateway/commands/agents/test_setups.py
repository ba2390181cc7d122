"""What each agent is told, word for word: people paste it, and their tools read it."""

from pathlib import Path

from gateway.commands.agents import claude, codex, opencode
from gateway.commands.agents.script import script
from gateway.commands.agents.served import Served

HOME = Path("/state/agents/x")
SERVED = Served(model="qwen3-8b:q4", address="http://127.0.0.1:8000", context=32_768, output=4_096)

CLAUDE = """\
# Claude Code with qwen3-8b
unset ANTHROPIC_API_KEY CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CODE_USE_BEDROCK CLAUDE_CODE_USE_VERTEX
export ANTHROPIC_BASE_URL=http://127.0.0.1:8000
export ANTHROPIC_MODEL=qwen3-8b:q4
export ANTHROPIC_DEFAULT_OPUS_MODEL=qwen3-8b:q4
export ANTHROPIC_DEFAULT_SONNET_MODEL=qwen3-8b:q4
export ANTHROPIC_DEFAULT_HAIKU_MODEL=qwen3-8b:q4
export CLAUDE_CODE_SUBAGENT_MODEL=qwen3-8b:q4
export CLAUDE_CODE_MAX_CONTEXT_TOKENS=32768
export CLAUDE_CODE_MAX_OUTPUT_TOKENS=4096
export CLAUDE_CODE_ATTRIBUTION_HEADER=0
export DISABLE_TELEMETRY=1
export DISABLE_ERROR_REPORTING=1
export DISABLE_AUTOUPDATER=1
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
export CLAUDE_CONFIG_DIR=/state/agents/x
export NO_PROXY="${NO_PROXY:+$NO_PROXY,}127.0.0.1"
export no_proxy="${no_proxy:+$no_proxy,}127.0.0.1"
export ANTHROPIC_AUTH_TOKEN="${FOREBAY_API_KEY:-none}"
# then: claude
"""

CODEX = """\
# Codex with qwen3-8b
mkdir -p /state/agents/x
cat > /state/agents/x/config.toml <<'END_OF_FILE'
model = "qwen3-8b:q4"
model_provider = "forebay"
model_context_window = 32768
model_auto_compact_token_limit = 28672

[model_providers.forebay]
name = "Forebay"
base_url = "http://127.0.0.1:8000/v1"
wire_api = "responses"
env_key = "LOCAL_API_KEY"
stream_idle_timeout_ms = 600000

[features]
apps = false
plugins = false
daemon_auto_start = false

[analytics]
enabled = false
END_OF_FILE
export CODEX_HOME=/state/agents/x
export NO_PROXY="${NO_PROXY:+$NO_PROXY,}127.0.0.1"
export no_proxy="${no_proxy:+$no_proxy,}127.0.0.1"
export LOCAL_API_KEY="${FOREBAY_API_KEY:-none}"
# then: codex
"""

OPENCODE = """\
# opencode with qwen3-8b
mkdir -p /state/agents/x
cat > /state/agents/x/opencode.json <<'END_OF_FILE'
{
  "$schema": "https://opencode.ai/config.json",
  "model": "forebay/qwen3-8b:q4",
  "small_model": "forebay/qwen3-8b:q4",
  "enabled_providers": [
    "forebay"
  ],
  "share": "disabled",
  "autoupdate": false,
  "provider": {
    "forebay": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "Forebay",
      "options": {
        "baseURL": "http://127.0.0.1:8000/v1",
        "apiKey": "{env:LOCAL_API_KEY}"
      },
      "models": {
        "qwen3-8b:q4": {
          "name": "qwen3-8b:q4",
          "limit": {
            "context": 32768,
            "output": 4096
          }
        }
      }
    }
  }
}
END_OF_FILE
export OPENCODE_CONFIG=/state/agents/x/opencode.json
export OPENCODE_DISABLE_AUTOUPDATE=1
export OPENCODE_DISABLE_MODELS_FETCH=1
export OPENCODE_DISABLE_LSP_DOWNLOAD=1
export OPENCODE_DISABLE_DEFAULT_PLUGINS=1
export NO_PROXY="${NO_PROXY:+$NO_PROXY,}127.0.0.1"
export no_proxy="${no_proxy:+$no_proxy,}127.0.0.1"
export LOCAL_API_KEY="${FOREBAY_API_KEY:-none}"
# then: opencode
"""


def test_claude() -> None:
    assert script(claude.setup(SERVED, HOME), "Claude Code with qwen3-8b", None) == CLAUDE


def test_codex() -> None:
    assert script(codex.setup(SERVED, HOME), "Codex with qwen3-8b", None) == CODEX


def test_opencode() -> None:
    assert script(opencode.setup(SERVED, HOME), "opencode with qwen3-8b", None) == OPENCODE
