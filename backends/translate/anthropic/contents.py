"""Blocks that stand in a user's message or in a tool's result, as parts of chat. Pure.

It never decides whose message a part goes to: ``conversation`` does.
"""

from backends.errors import BackendError, Cause
from backends.translate.chat_body import Notes
from backends.wire.anthropic_messages import Block, Source
from backends.wire.openai_chat import ImagePart, ImageUrl, TextPart

ELSEWHERE = frozenset({"redacted_thinking", "server_tool_use", "web_search_tool_result", "container_upload"})
"""Only their maker's servers can read these: left out without a word, they come again with every turn."""
_ALREADY_TOLD = frozenset({"tool_result", "tool_reference", "tool_addition", "tool_removal"})


def part_of(block: Block, place: str, notes: Notes) -> TextPart | ImagePart | None:
    """None where there is nothing to say. Raises ``BackendError(INVALID_REQUEST)`` for what cannot be read here."""
    match block.type:
        case "text":
            return TextPart(text=block.text) if block.text else None
        case "image":
            return ImagePart(image_url=ImageUrl(url=_picture(block.source, place), detail="auto"))
        case "document" | "search_result":
            return TextPart(text=_document(block, place))
        case kind:
            if kind not in _ALREADY_TOLD:
                note_unknown(kind, place, notes)
            return None


def note_unknown(kind: str, place: str, notes: Notes) -> None:
    """Left out; noted unless that is how it always is."""
    if kind not in ELSEWHERE:
        notes.add(place, f"{kind[:40]} is not known here; left out")


def blocks_of(content: str | list[Block] | Block | None) -> list[Block]:
    """Any form of content as blocks."""
    if isinstance(content, str):
        return [Block(type="text", text=content)] if content else []
    if isinstance(content, Block):
        return [content]
    return content or []


def _picture(source: Source | str | None, place: str) -> str:
    if isinstance(source, Source) and source.type == "base64" and source.data:
        return f"data:{source.media_type or 'image/png'};base64,{source.data}"
    if isinstance(source, Source) and source.type == "url" and source.url:
        return source.url
    raise BackendError(
        Cause.INVALID_REQUEST, f"{place}: a picture comes as base64 or as a url; no files are kept", param=place
    )


def _document(block: Block, place: str) -> str:
    source = block.source
    title = f"{block.title}\n" if block.title else ""
    if not isinstance(source, Source):  # a search result has its text in its content, and says where it is from
        return title + (f"{source}\n" if source else "") + _text_of(block.content)
    if source.type == "text":
        return title + source.data
    if source.type == "content":
        return title + _text_of(source.content)
    raise BackendError(
        Cause.INVALID_REQUEST,
        f"{place}: only documents of text can be read here; send a PDF's text instead",
        param=place,
    )


def _text_of(content: str | list[Block] | Block | None) -> str:
    return "\n".join(block.text for block in blocks_of(content) if block.type == "text")
