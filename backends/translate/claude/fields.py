"""What becomes of each field of a chat request on a Messages server: the table, and what it refuses or notes. Pure.

It never translates: ``request`` does.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Raw

from backends.translate.chat_body import Notes
from backends.wire.openai_sampling import refuse

Fate = Literal["translated", "dropped", "noted", "refused"]
FIELDS: dict[str, Fate] = {
    "model": "translated",
    "messages": "translated",
    "max_completion_tokens": "translated",
    "max_tokens": "translated",
    "stop": "translated",
    "stream": "translated",
    "stream_options": "translated",  # its usage chunk is the stream's
    "temperature": "translated",
    "top_p": "translated",
    "top_k": "translated",
    "tools": "translated",
    "tool_choice": "translated",
    "parallel_tool_calls": "translated",
    "functions": "translated",
    "function_call": "translated",
    "response_format": "translated",
    "reasoning_effort": "translated",
    # Who asks, and what is kept of it, is not told to others.
    "user": "dropped",
    "safety_identifier": "dropped",
    "metadata": "dropped",
    "store": "dropped",
    # How a maker serves it, not what is answered.
    "service_tier": "dropped",
    "prediction": "dropped",
    "prompt_cache_key": "dropped",
    "prompt_cache_options": "dropped",
    "prompt_cache_retention": "dropped",
    "continue_final_message": "dropped",  # a last message of the assistant's is always gone on with
    "add_generation_prompt": "dropped",
    # The answer would be a little different; nobody depends on how.
    "frequency_penalty": "noted",
    "presence_penalty": "noted",
    "repeat_penalty": "noted",
    "min_p": "noted",
    "seed": "noted",
    "verbosity": "noted",
    "web_search_options": "noted",
    "moderation": "noted",
    # The answer would lack what was asked for.
    "n": "refused",
    "logprobs": "refused",
    "top_logprobs": "refused",
    "logit_bias": "refused",
    "modalities": "refused",
    "audio": "refused",
}
"""A field that is not here is dropped, as engines do. A test holds this complete over what OpenAI's SDK can send."""

_NOTHING = frozenset({b"null", b"false", b"0", b"0.0", b"-0.0", b"{}", b"[]"})
_DEFAULTS = {"n": b"1", "modalities": b'["text"]', "repeat_penalty": b"1"}


def look_through(fields: Mapping[str, Raw], notes: Notes) -> None:
    """Raises ``BackendError(INVALID_REQUEST)`` with ``param`` for what no Message can hold; notes what is left out."""
    for name, raw in fields.items():
        fate = FIELDS.get(name)
        if fate not in ("noted", "refused") or _says_nothing(name, bytes(raw)):
            continue
        if fate == "refused":
            raise refuse(name, "the servers of this model cannot do that")
        notes.add(name, "not known there; left out")


def _says_nothing(name: str, raw: bytes) -> bool:
    plain = raw.translate(None, b" \t\r\n")
    return plain in _NOTHING or plain.removesuffix(b".0") == _DEFAULTS.get(name)
