"""Token counts from the end of an answer, found without parsing the rest. Pure."""

from typing import Annotated

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder

_Count = Annotated[int, Meta(ge=0, le=2**40)]


class _PromptDetails(Struct):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class _CompletionDetails(Struct):
    reasoning_tokens: _Count | None = None


class _Usage(Struct):
    """OpenAI's, and Anthropic's, which tells what was cached apart from what was read anew."""

    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class Tokens(Struct, frozen=True):
    """What was read and written. ``cached`` and ``cache_write`` (put into the provider's cache, which costs more) are
    parts of ``input``, ``reasoning`` of ``output``.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    cache_write: int = 0


NONE = Tokens()
_MARK = b'"usage":'
_decoder = Decoder(_Usage)


def from_tail(tail: bytes) -> Tokens:
    """The last ``usage`` object of ``tail`` (a whole body, or the end of a stream); zeros when there is none."""
    at = len(tail)
    while (at := tail.rfind(_MARK, 0, at)) >= 0:
        found = _object_at(tail, at + len(_MARK))
        if found:
            try:
                usage = _decoder.decode(found)
            except (DecodeError, RecursionError):
                continue  # an engine's nonsense, and a counter must not be told it
            prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
            read = usage.cache_read_input_tokens or 0
            written = usage.cache_creation_input_tokens or 0
            return Tokens(
                usage.prompt_tokens or usage.input_tokens + read + written,
                usage.completion_tokens or usage.output_tokens,
                read or ((prompt.cached_tokens or 0) if prompt is not None else 0),
                (completion.reasoning_tokens or 0) if completion is not None else 0,
                written or ((prompt.cache_write_tokens or 0) if prompt is not None else 0),
            )
    return NONE


def _object_at(tail: bytes, start: int) -> bytes:
    """The JSON object that begins at ``start``; usage objects hold no strings, so braces can be counted."""
    opened = tail.find(b"{", start, start + 8)
    if opened < 0 or tail[start:opened].strip():
        return b""
    depth = 0
    at = opened
    while at < len(tail):
        close = tail.find(b"}", at)
        if close < 0:
            return b""
        depth += tail.count(b"{", at, close) - 1
        at = close + 1
        if depth == 0:
            return tail[opened:at]
    return b""
