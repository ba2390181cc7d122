"""Parts of chat messages as blocks of Messages. Pure.

Blocks without a word are left out: the API refuses them. It never decides whose turn a block goes to: ``conversation``
does.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_to_bytes

from backends.translate.claude.asked import FORMAT as OWN
from backends.translate.claude.asked import File, FilePart, ImagePart, Part, Said, TextPart, Thought
from backends.wire.anthropic_request import (
    Base64Source,
    Document,
    Image,
    RedactedThinking,
    Text,
    TextSource,
    Thinking,
    UrlSource,
    UserBlock,
)
from backends.wire.openai_chat import ImageUrl, RefusalPart
from backends.wire.openai_sampling import refuse

PDF = "application/pdf"
_PICTURES = {"image/jpg": "image/jpeg"} | {
    kind: kind for kind in ("image/jpeg", "image/png", "image/gif", "image/webp")
}


def parts_of(said: Said, place: str) -> Iterator[tuple[Part, str]]:
    """Each part with its place; a text alone is one part."""
    if isinstance(said.content, str):
        yield TextPart(text=said.content), place
        return
    for index, part in enumerate(said.content or ()):
        yield part, f"{place}[{index}]"


def blocks_of(said: Said, place: str) -> list[UserBlock]:
    """What a user says or a tool gives back. Raises ``BackendError(INVALID_REQUEST)`` for what cannot be told."""
    blocks: list[UserBlock] = []
    for part, where in parts_of(said, place):
        match part:
            case TextPart() | RefusalPart():
                blocks += _words(part)
            case ImagePart(image_url=given, cache_control=mark):
                blocks.append(Image(source=_picture(given, where), cache_control=mark))
            case FilePart(file=file, cache_control=mark):
                blocks.append(Document(source=_document(file, where), cache_control=mark))
            case _:
                raise refuse(where, "the servers of this model read text, pictures and documents")
    return blocks


def texts_of(said: Said, place: str) -> list[Text]:
    """What the assistant or the system says. Raises ``BackendError(INVALID_REQUEST)`` for anything but text."""
    texts: list[Text] = []
    for part, where in parts_of(said, place):
        if not isinstance(part, TextPart | RefusalPart):
            raise refuse(where, f"only text can stand in a message of the {said.role}'s")
        texts += _words(part)
    return texts


def thoughts_of(details: Sequence[Thought]) -> list[Thinking | RedactedThinking]:
    """Thoughts that their server will know again. A stream's pieces are one thought, which its signature ends."""
    known: list[Thinking | RedactedThinking] = []
    text = ""
    for thought in details:
        if thought.format not in (OWN, None):
            continue
        if thought.type == "reasoning.encrypted" and thought.data:
            known.append(RedactedThinking(data=thought.data))
        elif thought.type == "reasoning.text":
            text += thought.text or ""
            if thought.signature:
                known.append(Thinking(thinking=text, signature=thought.signature))
                text = ""
    return known


def _words(part: TextPart | RefusalPart) -> list[Text]:
    text, mark = (part.refusal, None) if isinstance(part, RefusalPart) else (part.text, part.cache_control)
    return [Text(text=text, cache_control=mark)] if text.strip() else []


def _picture(given: ImageUrl, place: str) -> Base64Source | UrlSource:
    place = f"{place}.image_url.url"
    if given.url.startswith("https://"):
        return UrlSource(url=given.url)
    kind, data = _inline(given.url, place)
    if kind not in _PICTURES:
        raise refuse(place, "a picture is a PNG, JPEG, GIF or WebP, as a base64 data URL or behind an https URL")
    return Base64Source(media_type=_PICTURES[kind], data=data)


def _document(file: File, place: str) -> Base64Source | UrlSource | TextSource:
    place = f"{place}.file"
    if not file.file_data:
        raise refuse(place, "no files are kept; send the document itself as file_data")
    if file.file_data.startswith("https://"):
        return UrlSource(url=file.file_data)
    kind, data = _inline(file.file_data, place) if file.file_data.startswith("data:") else (PDF, file.file_data)
    if kind == PDF:
        return Base64Source(media_type=PDF, data=data)
    text = _plain_text(data) if kind.startswith("text/") or kind == "application/json" else None
    if text is None or not text.strip():
        raise refuse(place, "a document is a PDF or a text in UTF-8")
    return TextSource(data=text)


def _inline(url: str, place: str) -> tuple[str, str]:
    """Media type and base64 of a ``data:`` URL."""
    head, comma, data = url.partition(",")
    if not head[:5].lower() == "data:" or not comma:
        raise refuse(place, "a data URL or an https URL is wanted")
    kind, *options = head[5:].lower().split(";")
    if "base64" not in options:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    if not data:
        raise refuse(place, "holds nothing")
    return kind.strip() or "text/plain", data


def _plain_text(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
