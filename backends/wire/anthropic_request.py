"""What is sent to a server that speaks Anthropic's Messages: the request and its blocks, without what nobody said.

Shapes only, strict and made here. What clients of ours send in that dialect is looser: ``anthropic_messages``.
"""

from typing import Literal

from msgspec import Raw, Struct


class CacheControl(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mark: what stands before it is kept by the server, for 5 minutes or for ``ttl``."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Block(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of the blocks that a mark can stand at."""

    cache_control: CacheControl | None = None


class Text(_Block, frozen=True, kw_only=True, tag="text"):
    """``text`` holds more than white space: the API refuses others."""

    text: str


class Base64Source(Struct, frozen=True, kw_only=True, tag_field="type", tag="base64"):
    media_type: str
    data: str


class UrlSource(Struct, frozen=True, kw_only=True, tag_field="type", tag="url"):
    url: str


class TextSource(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    data: str
    media_type: Literal["text/plain"] = "text/plain"


class Image(_Block, frozen=True, kw_only=True, tag="image"):
    source: Base64Source | UrlSource


class Document(_Block, frozen=True, kw_only=True, tag="document"):
    source: Base64Source | UrlSource | TextSource


class Thinking(Struct, frozen=True, kw_only=True, tag_field="type", tag="thinking"):
    """A thought as the server gave it; the signature tells the server that it is its own."""

    thinking: str
    signature: str


class RedactedThinking(Struct, frozen=True, kw_only=True, tag_field="type", tag="redacted_thinking"):
    data: str


class ToolUse(Struct, frozen=True, kw_only=True, tag_field="type", tag="tool_use"):
    """``input`` is a JSON object."""

    id: str
    name: str
    input: Raw


class ToolResult(_Block, frozen=True, kw_only=True, tag="tool_result"):
    tool_use_id: str
    content: list[Text | Image | Document] = []
    is_error: bool = False


UserBlock = Text | Image | Document
Block = UserBlock | Thinking | RedactedThinking | ToolUse | ToolResult


class Message(Struct, frozen=True, kw_only=True):
    role: Literal["user", "assistant", "system"]
    content: list[Block]


class Tool(Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    input_schema: dict[str, object]
    description: str | None = None
    strict: bool = False
    cache_control: CacheControl | None = None


class ToolChoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class ThinkingConfig(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``display``: ``summarized`` has thoughts told; newer models keep them to themselves else."""

    type: Literal["adaptive", "enabled", "disabled"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class OutputFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    schema: dict[str, object]


class OutputConfig(Struct, frozen=True, kw_only=True, omit_defaults=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class MessagesBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``POST /v1/messages``. Versions of the API from 2026-10-21 on know no sampling."""

    max_tokens: int
    messages: list[Message]
    model: str
    cache_control: CacheControl | None = None
    output_config: OutputConfig | None = None
    stop_sequences: list[str] | None = None
    stream: bool = False
    system: list[Text] | None = None
    thinking: ThinkingConfig | None = None
    tool_choice: ToolChoice | None = None
    tools: list[Tool] | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
