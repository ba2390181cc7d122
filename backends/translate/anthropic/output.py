"""What of a chat answer is named otherwise in a Message: why it ended, what it cost, how thoughts are signed. Pure."""

from msgspec import Raw, json

from backends.translate.chat_answer import Usage as ChatUsage
from backends.wire.anthropic_reply import Usage

SIGNATURE = "forebay"
"""Thoughts are not checked when they come back; clients want a signature that is not empty."""
_REASONS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def stop_reason(finish_reason: str | None, *, called: bool) -> str:
    """``called``: the answer calls a tool, whatever the backend says of its end."""
    if called and finish_reason != "length":
        return "tool_use"
    return _REASONS.get(finish_reason or "", "end_turn")


def usage_of(usage: ChatUsage | None) -> Usage:
    """What was read from the cache is told apart from what was read anew."""
    if usage is None:
        return Usage()
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or 0
    return Usage(
        input_tokens=max(0, (usage.prompt_tokens or 0) - cached),
        output_tokens=usage.completion_tokens or 0,
        cache_read_input_tokens=cached,
    )


def input_of(arguments: str) -> Raw:
    """A call's arguments as an object. What is no object is told as text, and the client's tool refuses it."""
    try:
        if isinstance(json.decode(arguments or "{}"), dict):
            return Raw((arguments or "{}").encode())
    except (ValueError, RecursionError):
        pass
    return Raw(json.encode({"malformed_arguments": arguments}))
