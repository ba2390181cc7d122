"""Chat answers with what a Message tells and engines do not: signed thoughts, tokens written to a cache, refusals.

The shapes, and what of an answer is named otherwise in chat: how it ended and what it cost. Pure.
"""

from msgspec import UNSET, Struct, UnsetType

from backends.errors import BackendError, Cause
from backends.translate.claude.answer import Counts
from backends.translate.claude.asked import Thought
from backends.wire import openai_chat_reply as chat
from backends.wire.openai_usage import CompletionDetails, Usage
from backends.wire.openai_usage import PromptDetails as ReadDetails

_REASONS: dict[str, chat.FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "length",  # of a server's tools: there would have been more
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_LEGACY: chat.FinishReason = "function_call"


class PromptDetails(ReadDetails, frozen=True, kw_only=True):
    """``cache_write_tokens`` cost more than others."""

    cache_write_tokens: int = 0


class Message(chat.ReplyMessage, frozen=True, kw_only=True):
    """``reasoning_details`` come back with the message, and the server knows its thoughts again."""

    reasoning_details: list[Thought] | UnsetType = UNSET
    function_call: chat.FunctionText | UnsetType = UNSET


class Delta(chat.Delta, frozen=True, kw_only=True):
    reasoning_details: list[Thought] | UnsetType = UNSET
    function_call: chat.FunctionDelta | UnsetType = UNSET
    refusal: str | UnsetType = UNSET


class ChunkChoice(chat.ChunkChoice, frozen=True, kw_only=True):
    """``stop_reason`` as in a plain answer's choice."""

    stop_reason: str | UnsetType = UNSET


class Ending(Struct, frozen=True, kw_only=True):
    """``matched``: the client's stop string that ended it. ``explained``: why it was refused."""

    finish: chat.FinishReason
    matched: str | UnsetType
    explained: str | None


def ending(reason: str | None, matched: str | None, explained: str | None, *, legacy: bool) -> Ending:
    """Raises ``BackendError(UPSTREAM_PROTOCOL)`` where no reason was told: the answer may not be whole."""
    if reason is None:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend's answer has no end")
    finish = _REASONS.get(reason, "stop")
    if legacy and finish == "tool_calls":
        finish = _LEGACY
    stopped = reason == "stop_sequence" and matched
    refused = explained if finish == "content_filter" else None
    return Ending(finish=finish, matched=stopped or UNSET, explained=refused)


def usage_of(counts: Counts) -> Usage:
    """Chat's prompt tokens include those of the cache."""
    read, written = counts.cache_read_input_tokens or 0, counts.cache_creation_input_tokens or 0
    prompt, completion = (counts.input_tokens or 0) + read + written, counts.output_tokens or 0
    thought = counts.output_tokens_details.thinking_tokens if counts.output_tokens_details else None
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=PromptDetails(cached_tokens=read, cache_write_tokens=written),
        completion_tokens_details=None if thought is None else CompletionDetails(reasoning_tokens=thought),
    )
