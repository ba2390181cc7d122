"""The Response object and the items of its output.

Shapes only. Every field that a strict reader of the dialect requires is there: ``None`` where OpenAI sends ``null``.
"""

from typing import Literal

from msgspec import UNSET, Raw, Struct, UnsetType

from backends.wire.openai_responses import ChoiceMode, PlainFormat, ReasoningConfig, TextConfig, ToolChoice
from backends.wire.openai_responses_items import ReasoningText, Refusal, SummaryText

Status = Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]


class TokenAlternative(Struct, frozen=True, kw_only=True):
    """``bytes`` is the token in UTF-8, which may be part of a character."""

    token: str
    logprob: float
    bytes: list[int]


class TextLogprob(TokenAlternative, frozen=True, kw_only=True):
    """A sampled token and the likeliest ones at its place, natural logarithm."""

    top_logprobs: list[TokenAlternative]


class TextPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="output_text"):
    text: str
    annotations: list[Raw] = []
    logprobs: list[TextLogprob] = []


class MessageOutput(Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    id: str
    status: ItemStatus
    content: list[TextPart | Refusal]
    role: Literal["assistant"] = "assistant"


class ReasoningOutput(Struct, frozen=True, kw_only=True, tag_field="type", tag="reasoning"):
    """What the model thought, as ``summary`` or as ``content``, as the client asked."""

    id: str
    summary: list[SummaryText]
    content: list[ReasoningText] | UnsetType = UNSET
    encrypted_content: None = None
    status: ItemStatus | UnsetType = UNSET


class FunctionCallOutput(Struct, frozen=True, kw_only=True, tag_field="type", tag="function_call"):
    """``arguments`` is JSON text as the model wrote it, valid or not."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus
    namespace: str | UnsetType = UNSET


class CustomCallOutput(Struct, frozen=True, kw_only=True, tag_field="type", tag="custom_tool_call"):
    id: str
    call_id: str
    name: str
    input: str
    status: ItemStatus
    namespace: str | UnsetType = UNSET


OutputItem = MessageOutput | ReasoningOutput | FunctionCallOutput | CustomCallOutput


class InputDetails(Struct, frozen=True, kw_only=True):
    """``cached_tokens`` of the input were not computed again."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputDetails(Struct, frozen=True, kw_only=True):
    reasoning_tokens: int = 0


class ResponseUsage(Struct, frozen=True, kw_only=True):
    """What one response cost, in tokens; ``input_tokens`` includes the cached ones."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputDetails = InputDetails()
    output_tokens_details: OutputDetails = OutputDetails()


class ResponseError(Struct, frozen=True, kw_only=True):
    code: str
    message: str


class IncompleteDetails(Struct, frozen=True, kw_only=True):
    reason: Literal["max_output_tokens", "content_filter"]


class Response(Struct, frozen=True, kw_only=True):
    """The body of a plain answer, and what stream events show of it. Times are Unix seconds."""

    id: str
    created_at: int
    model: str
    status: Status
    output: list[OutputItem]
    object: Literal["response"] = "response"
    completed_at: int | None = None
    error: ResponseError | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[Raw] = []
    tool_choice: ChoiceMode | ToolChoice = "auto"
    parallel_tool_calls: bool = True
    truncation: str = "disabled"
    text: TextConfig = TextConfig(format=PlainFormat())
    reasoning: ReasoningConfig = ReasoningConfig()
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    top_logprobs: int = 0
    usage: ResponseUsage | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    store: bool = True
    background: bool = False
    service_tier: str = "default"
    metadata: dict[str, str] = {}
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
