"""System texts as one text, the same however a client writes them. Pure."""

from backends.wire.anthropic_messages import Block

_BILLING = "x-anthropic-billing-header:"
"""The first line of a coding agent: it changes with every prompt and would cost the whole prefix."""


def system_text(given: str | list[Block] | None) -> str:
    """Empty when there is nothing to say."""
    texts = [given or ""] if given is None or isinstance(given, str) else [_spoken(block) for block in given]
    return "\n\n".join(text for each in texts if (text := _without_billing(each)))


def spoken(text: str) -> str:
    """A system text in the middle of a conversation: as a user's words, in its place, since templates refuse it."""
    return f"<system>\n{text}\n</system>"


def _spoken(block: Block) -> str:
    return block.text if block.type == "text" else ""


def _without_billing(text: str) -> str:
    if not text.startswith(_BILLING):
        return text
    return text.partition("\n")[2].lstrip("\n")
