"""What of a chat answer is named otherwise in a Message: why it ended, what it cost, what calls are given. Pure."""

from collections.abc import Sequence

from msgspec import UNSET, Raw, Struct, json

from backends.translate.anthropic.contents import blocks_of
from backends.translate.chat_answer import Usage as ChatUsage
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.anthropic_reply import Ended, OutputDetails, Usage

SIGNATURE = "forebay"
"""Thoughts are not checked when they come back; clients want a signature that is not empty."""
_MALFORMED = "malformed_arguments"
_REASONS = {"tool_calls": "tool_use", "content_filter": "refusal"}


class Asked(Struct, frozen=True, kw_only=True):
    """What a request said that its answer is told by. None: not known. ``call_ids`` are those of earlier calls."""

    max_tokens: int | None = None
    stop_sequences: Sequence[str] | None = None
    call_ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, request: MessagesRequest) -> "Asked":
        """Everything is known; ``max_tokens`` as the backend gets it."""
        blocks = (block for message in request.messages for block in blocks_of(message.content))
        return cls(
            max_tokens=request.max_tokens,
            stop_sequences=request.stop_sequences or (),
            call_ids=frozenset(block.id for block in blocks if block.type == "tool_use"),
        )

    def call_id(self, given: str | None, own: str) -> str:
        """``own`` where the backend gives none, or one again: clients drop a call whose id they have seen."""
        return own if not given or given in self.call_ids else given


NOTHING_ASKED = Asked()


def ending(
    finish_reason: str | None, matched: str | None, usage: ChatUsage | None, asked: Asked, *, called: bool
) -> Ended:
    """``matched``: the stop string that the backend names. ``called``: the answer calls a tool."""
    if finish_reason == "length":
        count = usage.completion_tokens if usage else None
        short = count is not None and asked.max_tokens is not None and count < asked.max_tokens
        return Ended(stop_reason="model_context_window_exceeded" if short else "max_tokens")
    if called:
        return Ended(stop_reason="tool_use")
    if matched and finish_reason in (None, "stop") and _is_stop(matched, asked):
        return Ended(stop_reason="stop_sequence", stop_sequence=matched)
    return Ended(stop_reason=_REASONS.get(finish_reason or "", "end_turn"))


def usage_of(usage: ChatUsage | None) -> Usage:
    """What was read from the cache is told apart from what was read anew."""
    if usage is None:
        return Usage()
    details, written = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = (details.cached_tokens if details else None) or 0
    thought = written.reasoning_tokens if written else None
    return Usage(
        input_tokens=max(0, (usage.prompt_tokens or 0) - cached),
        output_tokens=usage.completion_tokens or 0,
        cache_read_input_tokens=cached,
        output_tokens_details=UNSET if thought is None else OutputDetails(thinking_tokens=thought),
    )


def input_of(arguments: str) -> Raw:
    """A call's arguments as an object. What is no object is told as text, and the client's tool refuses it."""
    if arguments.strip() in ("", "null"):
        return Raw(b"{}")
    try:
        if isinstance(json.decode(arguments), dict):
            return Raw(arguments.strip().encode())
    except (ValueError, RecursionError):
        pass
    return Raw(json.encode({_MALFORMED: arguments}))


def arguments_of(given: Raw) -> str:
    """A call's input as the text of its arguments: the client's own where it is an object, else one around it."""
    text = bytes(given).decode().strip()
    return text if text.startswith("{") else bytes(input_of(text)).decode()


def _is_stop(matched: str, asked: Asked) -> bool:
    return asked.stop_sequences is None or matched in asked.stop_sequences
