"""The chat request as read for a Messages server: chat's shapes, with what such a server can use and engines cannot.

Marks of the cache (``cache_control``) at parts and tools, as OpenRouter's clients send them, thoughts with their
signatures, and the functions of before there were tools. Shapes only; the bounds are those of ``wire.openai_chat``.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from backends.wire.anthropic_request import CacheControl
from backends.wire.openai_chat import (
    MAX_MESSAGES,
    MAX_TOOLS,
    AudioPart,
    Effort,
    Function,
    FunctionCall,
    ImageUrl,
    NamedFunction,
    RefusalPart,
    ResponseFormat,
    Role,
    ToolCall,
    ToolChoice,
    VideoPart,
)
from backends.wire.openai_chat import Tool as ChatTool
from backends.wire.openai_sampling import Sampling, TokenCount

FORMAT = "anthropic-claude-v1"
"""Whose thoughts these are: signatures of other makers mean nothing to this one."""


class TextPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    text: str
    cache_control: CacheControl | None = None


class ImagePart(Struct, frozen=True, kw_only=True, tag_field="type", tag="image_url"):
    image_url: ImageUrl
    cache_control: CacheControl | None = None


class File(Struct, frozen=True, kw_only=True):
    """``file_data`` is a ``data:`` URL, an address, or base64 of a PDF. The file's name is nobody's business."""

    file_data: str | None = None
    file_id: str | None = None


class FilePart(Struct, frozen=True, kw_only=True, tag_field="type", tag="file"):
    file: File
    cache_control: CacheControl | None = None


Part = TextPart | RefusalPart | ImagePart | FilePart | VideoPart | AudioPart


class Thought(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of a message's ``reasoning_details``: a text and its signature, or ``data`` that only its maker can read."""

    type: str
    text: str | None = None
    data: str | None = None
    signature: str | None = None
    format: str | None = None
    index: int | None = None


class Said(Struct, frozen=True, kw_only=True):
    """One message of the conversation."""

    role: Role
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: Annotated[list[ToolCall], Meta(max_length=MAX_TOOLS)] | None = None
    function_call: FunctionCall | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[Thought] | None = None


class Tool(ChatTool, frozen=True, kw_only=True):
    cache_control: CacheControl | None = None


class ChatAsked(Sampling, frozen=True, kw_only=True):
    """The body of ``POST /v1/chat/completions``; what of it is not here is in ``fields``."""

    messages: Annotated[list[Said], Meta(min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: TokenCount | None = None
    tools: Annotated[list[Tool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[Function], Meta(max_length=MAX_TOOLS)] | None = None
    function_call: Literal["none", "auto"] | NamedFunction | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort | None = None

    def token_limit(self) -> int | None:
        """The client's limit on generated tokens; the newer field wins."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
