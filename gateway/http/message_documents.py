"""PDFs in a Messages request, replaced by their text. Which text that is, is ``gateway.documents``'s."""

import base64
import binascii

from msgspec import structs

from backends.errors import BackendError, Cause
from backends.wire.anthropic_messages import Block, Message, MessagesRequest, Source
from gateway.documents.pdf import PdfReader

_PDF = "application/pdf"


def has_pdf(body: bytes) -> bool:
    """Whether there may be one: requests without are not looked through."""
    return _PDF.encode() in body


async def with_texts(request: MessagesRequest, reader: PdfReader) -> MessagesRequest:
    """The same request with text for each PDF. Raises ``BackendError(INVALID_REQUEST)`` that names the block."""
    messages = [await _message(message, f"messages[{i}]", reader) for i, message in enumerate(request.messages)]
    return structs.replace(request, messages=messages)


async def _message(message: Message, place: str, reader: PdfReader) -> Message:
    if isinstance(message.content, str):
        return message
    return structs.replace(message, content=await _blocks(message.content, place, reader))


async def _blocks(blocks: list[Block], place: str, reader: PdfReader) -> list[Block]:
    return [await _block(block, f"{place}.content[{index}]", reader) for index, block in enumerate(blocks)]


async def _block(block: Block, place: str, reader: PdfReader) -> Block:
    if block.type == "tool_result" and isinstance(block.content, list):
        return structs.replace(block, content=await _blocks(block.content, place, reader))
    source = block.source
    if block.type != "document" or not isinstance(source, Source) or source.type != "base64":
        return block
    if source.media_type != _PDF:
        return block
    param = f"{place}.source.data"
    try:
        data = base64.b64decode(source.data, validate=True)
    except (binascii.Error, ValueError):
        raise BackendError(Cause.INVALID_REQUEST, f"{param}: this is not base64", param=param) from None
    return structs.replace(block, source=Source(type="text", data=await reader.text(data, param)))
