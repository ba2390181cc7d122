"""The answers of chat completions: the whole object, the stream chunk and log probabilities.

Shapes only. ``None`` where OpenAI always sends ``null``; ``UNSET`` where it leaves the field out.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from backends.wire.openai_usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class TopLogprob(Struct, frozen=True, kw_only=True):
    """``bytes`` is the token in UTF-8, which may be part of a character."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(TopLogprob, frozen=True, kw_only=True):
    """A sampled token and the likeliest ones at its place, natural logarithm."""

    top_logprobs: list[TopLogprob]


class ChoiceLogprobs(Struct, frozen=True, kw_only=True):
    content: list[TokenLogprob] | None = None
    refusal: None = None


class FunctionText(Struct, frozen=True, kw_only=True):
    name: str
    arguments: str


class MessageToolCall(Struct, frozen=True, kw_only=True):
    id: str
    function: FunctionText
    type: Literal["function"] = "function"


class ReplyMessage(Struct, frozen=True, kw_only=True):
    content: str | None
    role: Literal["assistant"] = "assistant"
    refusal: str | None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[MessageToolCall] | UnsetType = UNSET


class Choice(Struct, frozen=True, kw_only=True):
    """``stop_reason``, as vLLM has it: the stop string that ended the answer, which OpenAI does not tell."""

    index: int
    message: ReplyMessage
    finish_reason: FinishReason
    stop_reason: str | UnsetType = UNSET
    logprobs: ChoiceLogprobs | None = None


class ChatCompletion(Struct, frozen=True, kw_only=True):
    """The body of a plain answer. ``created`` is in Unix seconds."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    object: Literal["chat.completion"] = "chat.completion"
    system_fingerprint: str | None = None


class FunctionDelta(Struct, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET


class ToolCallDelta(Struct, frozen=True, kw_only=True):
    """``id``, ``type`` and the name come with the first delta of a call."""

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET
    function: FunctionDelta | UnsetType = UNSET


class Delta(Struct, frozen=True, kw_only=True):
    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True, kw_only=True):
    index: int
    delta: Delta
    finish_reason: FinishReason | None = None
    logprobs: ChoiceLogprobs | None = None


class ChatCompletionChunk(Struct, frozen=True, kw_only=True):
    """One event of a stream. The usage chunk has no choices."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    system_fingerprint: str | None = None
    usage: Usage | UnsetType | None = UNSET
