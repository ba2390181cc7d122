"""What Anthropic's Messages API answers: the message, the events of its stream, its errors. Shapes only."""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from backends.wire import sse


class Text(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    text: str


class Thinking(Struct, frozen=True, kw_only=True, tag_field="type", tag="thinking"):
    """``signature`` comes back with it in the next turn and is never empty."""

    thinking: str
    signature: str


class ToolUse(Struct, frozen=True, kw_only=True, tag_field="type", tag="tool_use"):
    """``input`` is a JSON object."""

    id: str
    name: str
    input: Raw


Block = Text | Thinking | ToolUse


class OutputDetails(Struct, frozen=True, kw_only=True):
    """``thinking_tokens`` are among the output tokens."""

    thinking_tokens: int


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens; ``input_tokens`` without those that were read from the cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens_details: OutputDetails | UnsetType = UNSET


class Message(Struct, frozen=True, kw_only=True):
    id: str
    model: str
    content: list[Block]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Usage = Usage()
    type: str = "message"
    role: str = "assistant"


class _Error(Struct, frozen=True):
    type: str
    message: str


class ErrorEnvelope(Struct, frozen=True, kw_only=True):
    """``{"type": "error", "error": {"type", "message"}, "request_id"}``."""

    error: _Error
    request_id: str
    type: str = "error"


class _Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of the events of a stream."""


class MessageStart(_Event, frozen=True, kw_only=True, tag="message_start"):
    message: Message


class BlockStart(_Event, frozen=True, kw_only=True, tag="content_block_start"):
    index: int
    content_block: Block


class TextDelta(Struct, frozen=True, kw_only=True, tag_field="type", tag="text_delta"):
    text: str


class ThinkingDelta(Struct, frozen=True, kw_only=True, tag_field="type", tag="thinking_delta"):
    thinking: str


class SignatureDelta(Struct, frozen=True, kw_only=True, tag_field="type", tag="signature_delta"):
    signature: str


class InputDelta(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_json_delta"):
    partial_json: str


Delta = TextDelta | ThinkingDelta | SignatureDelta | InputDelta


class BlockDelta(_Event, frozen=True, kw_only=True, tag="content_block_delta"):
    index: int
    delta: Delta


class BlockStop(_Event, frozen=True, kw_only=True, tag="content_block_stop"):
    index: int


class Ended(Struct, frozen=True, kw_only=True):
    stop_reason: str
    stop_sequence: str | None = None


class MessageDelta(_Event, frozen=True, kw_only=True, tag="message_delta"):
    delta: Ended
    usage: Usage


class MessageStop(_Event, frozen=True, kw_only=True, tag="message_stop"):
    pass


class Ping(_Event, frozen=True, kw_only=True, tag="ping"):
    """Also what keeps a waiting client."""


class ErrorEvent(_Event, frozen=True, kw_only=True, tag="error"):
    error: _Error


Event = MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop | Ping | ErrorEvent

_encode = msgspec.json.Encoder().encode


def error_of(kind: str, message: str, request_id: str) -> bytes:
    """The body of a refusal."""
    return _encode(ErrorEnvelope(error=_Error(kind, message), request_id=request_id))


def error_event(kind: str, message: str) -> ErrorEvent:
    """The last event of a stream that broke."""
    return ErrorEvent(error=_Error(kind, message))


def event_bytes(event: Event) -> bytes:
    """One event on the wire; without its name clients drop it."""
    return sse.event(_encode(event), str(event.__struct_config__.tag))
