"""The request of Anthropic's Messages API: its shape and bounds.

Blocks are one loose shape: their kinds are many and grow, and one that is not known must not refuse the request.
Unknown fields are dropped, and so is ``cache_control``: engines cache by themselves. Answers: ``anthropic_reply``.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct, field

from backends.wire.openai_sampling import Penalty, Probability, StopString

MOST_MESSAGES = 4096
MOST_TOOLS = 512


class Source(Struct, frozen=True, kw_only=True):
    """Where a picture or a document comes from: ``base64`` data, ``text``, a ``url``, a ``file`` or ``content``."""

    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    content: "str | list[Block] | None" = None


class ToolChange(Struct, frozen=True, kw_only=True):
    """Which tool is added or removed: a ``tool_reference`` by its name, a ``tool_definition`` by what it is."""

    type: str
    name: str = ""
    definition: "Tool | None" = None


class Block(Struct, frozen=True, kw_only=True):
    """A piece of a message; which fields count depends on ``type``. Results of servers' tools are one block inside."""

    type: str
    text: str = ""
    thinking: str = ""
    source: Source | str | None = None
    title: str | None = None
    id: str = ""
    name: str = ""
    input: Raw = field(default_factory=lambda: Raw(b"{}"))
    tool_use_id: str = ""
    tool_name: str = ""
    content: "str | list[Block] | Block | None" = None
    is_error: bool | None = None
    tool: ToolChange | None = None
    tool_changes: "list[Block] | None" = None


class Message(Struct, frozen=True, kw_only=True):
    """``system`` occurs in the middle, too; ``clear_at`` says that its words count until the user speaks again."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block] = ""
    clear_at: str | None = None


class Tool(Struct, frozen=True, kw_only=True):
    """A tool of the client's has a name and an ``input_schema``, a server's has a ``type`` of its own.

    ``defer_loading``: it is not told to the model until a ``tool_reference`` names it.
    """

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, object] | None = None
    strict: bool | None = None
    defer_loading: bool | None = None


class ToolChoice(Struct, frozen=True, kw_only=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class Thinking(Struct, frozen=True, kw_only=True):
    type: str
    budget_tokens: int | None = None


class OutputFormat(Struct, frozen=True, kw_only=True):
    type: str
    schema: dict[str, object] | None = None


class OutputConfig(Struct, frozen=True, kw_only=True):
    effort: str | None = None
    format: OutputFormat | None = None


class MessagesRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/messages``, and of ``count_tokens``, which has no ``max_tokens``.

    ``min_p`` to ``seed`` extend it, for engines here; so does sampling at all where the API's newest version has none.
    """

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[list[Message], Meta(min_length=1, max_length=MOST_MESSAGES)]
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    system: str | list[Block] | None = None
    tools: Annotated[list[Tool], Meta(max_length=MOST_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    stop_sequences: Annotated[list[StopString], Meta(max_length=16)] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1 << 20)] | None = None
    min_p: Probability | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repeat_penalty: Annotated[float, Meta(gt=0, le=10)] | None = None
    seed: int | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
