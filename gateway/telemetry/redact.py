"""Takes secrets out of text before it is logged or shown. Pure.

Prompts are never passed here at all: nothing of a body is logged. This is for upstream text, stderr tails and messages.
"""

import re

_SHAPES = re.compile(
    r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:sk|fb|hf|pk|rk|xai|gsk|r8|key)[-_][A-Za-z0-9_-]{12,}"
    r"|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"
    r"|(?<=[?&])(?:key|token|api_key|access_token|signature)=[^&\s]+"
)
_LONG = re.compile(r"\b[A-Za-z0-9+/_-]{40,}={0,2}")
_DENSE = re.compile(r"[^/]{40}|(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*[0-9])[^/]{20}")
MARK = "[redacted]"


def redact(text: str) -> str:
    """``text`` with everything that looks like a credential replaced."""
    return _LONG.sub(_marked, _SHAPES.sub(MARK, text))


def _marked(found: re.Match[str]) -> str:
    # A path may be long too, and tracebacks are worthless without theirs: only what is dense between slashes goes.
    return found[0] if "/" in found[0] and not _DENSE.search(found[0]) else MARK
