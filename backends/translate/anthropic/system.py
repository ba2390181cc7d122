"""System texts as one text, the same however a client writes them. Pure."""

from backends.wire.anthropic_messages import Block

_BILLING = "x-anthropic-billing-header:"
"""The first block of a coding agent: it changes with every prompt and would cost the whole prefix."""


def system_text(given: str | list[Block] | None) -> str:
    """Empty when there is nothing to say."""
    if given is None or isinstance(given, str):
        return "" if given is None or given.startswith(_BILLING) else given
    return "\n\n".join(
        block.text for block in given if block.type == "text" and block.text and not block.text.startswith(_BILLING)
    )


def spoken(text: str) -> str:
    """A system text in the middle of a conversation: as a user's words, in its place, since templates refuse it."""
    return f"<system>\n{text}\n</system>"
