"""What a backend says of a limit of tokens that is above its context, and the request that asks for as much as fits.

Agents always ask for more than there is, and do not understand a refusal. Pure; never about prompts that are too long.
"""

import re

import msgspec
from msgspec import structs

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.wire.envelope import Envelope

_LIMITS = ("max_tokens", "max_completion_tokens")
_limit = msgspec.json.Decoder(int | None)
_WORDS = (
    re.compile(r"max_(?:completion_)?tokens=\d+ cannot be greater than max_model_len=(?P<context>\d+)"),
    re.compile(r"context length is (?P<context>\d+) tokens and your request has (?P<prompt>\d+) input tokens"),
    re.compile(
        r"context length is (?P<context>\d+) tokens\. However, you requested \d+ tokens "
        r"\((?P<prompt>\d+) in the messages"
    ),
    re.compile(r"context length of (?P<context>\d+) tokens\..* (?P<prompt>\d+) tokens from the input messages"),
)
"""Of vLLM today, of older ones, of what they took their words from, and of SGLang."""


def fitting(call: Call, error: BackendError) -> Call | None:
    """``call`` with a limit that ``error`` leaves, or nothing where its cause is another or no token would fit."""
    room = _room(error)
    if room is None or room < 1:
        return None
    asked = Envelope.parse(call.body)
    above = [name for name in _LIMITS if (given := asked.get(name)) is not None and (_limit.decode(given) or 0) > room]
    for name in above:
        asked = asked.having(name, room)
    return structs.replace(call, body=asked.with_model(asked.model)) if above else None


def _room(error: BackendError) -> int | None:
    if error.upstream_status != 400 or error.cause not in (Cause.INVALID_REQUEST, Cause.CONTEXT_LENGTH):
        return None
    for words in _WORDS:
        if found := words.search(error.detail):
            said = found.groupdict()
            return int(said["context"]) - int(said.get("prompt") or 0)
    return None
