"""The request of ``POST /v1/responses``: its top level and its bounds.

Items and tools stay raw here: their kinds are many and grow, and one that is not known must not refuse the request.
``openai_responses_items`` gives them shapes. Unknown fields are dropped. It never answers: see
``openai_responses_reply``.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from backends.wire.openai_sampling import Probability, StopString, StreamOptions, TokenCount

MAX_ITEMS = 4096
MAX_TOOLS = 256
ChoiceMode = Literal["none", "auto", "required"]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
ItemId = Annotated[str, Meta(min_length=1, max_length=256)]


class PlainFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    pass


class ObjectFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    pass


class SchemaFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """``schema`` is a JSON Schema."""

    schema: dict[str, object]
    name: str = ""
    description: str | None = None
    strict: bool | None = None


Format = PlainFormat | ObjectFormat | SchemaFormat


class TextConfig(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the answer's text shall look; ``format`` none means plain text."""

    format: Format | None = None
    verbosity: str | None = None


class ReasoningConfig(Struct, frozen=True, kw_only=True):
    """``effort`` and ``summary`` are words of the dialect, passed on as they are."""

    effort: str | None = None
    summary: str | None = None


class ToolChoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A choice of one tool, or with type ``allowed_tools`` of a ``mode`` and some ``tools``."""

    type: str
    name: str | None = None
    namespace: str | None = None
    server_label: str | None = None
    mode: ChoiceMode | None = None
    tools: "list[ToolChoice] | None" = None


class ResponsesRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/responses``. ``None``: the client said nothing. The last six fields extend OpenAI."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    input: str | Annotated[list[Raw], Meta(max_length=MAX_ITEMS)] = ""
    instructions: str | None = None
    tools: Annotated[list[Raw], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: ChoiceMode | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: ReasoningConfig | None = None
    max_output_tokens: TokenCount | None = None
    max_tool_calls: int | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Probability | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    previous_response_id: ItemId | None = None
    conversation: str | dict[str, object] | None = None
    prompt: dict[str, object] | None = None
    store: bool | None = None
    include: list[str] | None = None
    truncation: str | None = None
    metadata: dict[str, str] | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: int | None = None
    stop: StopString | Annotated[list[StopString], Meta(max_length=16)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1 << 20)] | None = None
    min_p: Probability | None = None

    def wants_logprobs(self) -> bool:
        """True when the answer's text shall carry log probabilities."""
        return "message.output_text.logprobs" in (self.include or ())

    def wants_summary(self) -> bool:
        """True when reasoning shall come as a summary: clients that ask for one send summaries back."""
        return self.reasoning is not None and self.reasoning.summary not in (None, "none")
