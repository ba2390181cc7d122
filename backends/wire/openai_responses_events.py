"""The events of a streamed Response, and their form on the wire.

Every event carries the number of its place in the stream. It never decides which event comes when.
"""

from typing import cast

import msgspec
from msgspec import Struct

from backends.wire import sse
from backends.wire.openai_responses_items import ReasoningText, Refusal, SummaryText
from backends.wire.openai_responses_reply import OutputItem, Response, TextLogprob, TextPart


class _Numbered(Struct, frozen=True, kw_only=True, tag_field="type"):
    sequence_number: int


class _OfResponse(_Numbered, frozen=True, kw_only=True):
    response: Response


class _OfItem(_Numbered, frozen=True, kw_only=True):
    item_id: str
    output_index: int


class Created(_OfResponse, frozen=True, kw_only=True, tag="response.created"):
    pass


class InProgress(_OfResponse, frozen=True, kw_only=True, tag="response.in_progress"):
    """Also what keeps a waiting client: readers of this dialect do not count comments as life."""


class Completed(_OfResponse, frozen=True, kw_only=True, tag="response.completed"):
    pass


class Incomplete(_OfResponse, frozen=True, kw_only=True, tag="response.incomplete"):
    pass


class Failed(_OfResponse, frozen=True, kw_only=True, tag="response.failed"):
    pass


class ItemAdded(_Numbered, frozen=True, kw_only=True, tag="response.output_item.added"):
    output_index: int
    item: OutputItem


class ItemDone(_Numbered, frozen=True, kw_only=True, tag="response.output_item.done"):
    output_index: int
    item: OutputItem


class PartAdded(_OfItem, frozen=True, kw_only=True, tag="response.content_part.added"):
    content_index: int
    part: TextPart | Refusal | ReasoningText


class PartDone(_OfItem, frozen=True, kw_only=True, tag="response.content_part.done"):
    content_index: int
    part: TextPart | Refusal | ReasoningText


class TextDelta(_OfItem, frozen=True, kw_only=True, tag="response.output_text.delta"):
    content_index: int
    delta: str
    logprobs: list[TextLogprob]


class TextDone(_OfItem, frozen=True, kw_only=True, tag="response.output_text.done"):
    content_index: int
    text: str
    logprobs: list[TextLogprob]


class RefusalDelta(_OfItem, frozen=True, kw_only=True, tag="response.refusal.delta"):
    content_index: int
    delta: str


class RefusalDone(_OfItem, frozen=True, kw_only=True, tag="response.refusal.done"):
    content_index: int
    refusal: str


class ReasoningDelta(_OfItem, frozen=True, kw_only=True, tag="response.reasoning_text.delta"):
    content_index: int
    delta: str


class ReasoningDone(_OfItem, frozen=True, kw_only=True, tag="response.reasoning_text.done"):
    content_index: int
    text: str


class SummaryPartAdded(_OfItem, frozen=True, kw_only=True, tag="response.reasoning_summary_part.added"):
    summary_index: int
    part: SummaryText


class SummaryPartDone(_OfItem, frozen=True, kw_only=True, tag="response.reasoning_summary_part.done"):
    summary_index: int
    part: SummaryText


class SummaryDelta(_OfItem, frozen=True, kw_only=True, tag="response.reasoning_summary_text.delta"):
    summary_index: int
    delta: str


class SummaryDone(_OfItem, frozen=True, kw_only=True, tag="response.reasoning_summary_text.done"):
    summary_index: int
    text: str


class ArgumentsDelta(_OfItem, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"):
    delta: str


class ArgumentsDone(_OfItem, frozen=True, kw_only=True, tag="response.function_call_arguments.done"):
    name: str
    arguments: str


class CustomInputDelta(_OfItem, frozen=True, kw_only=True, tag="response.custom_tool_call_input.delta"):
    delta: str


class CustomInputDone(_OfItem, frozen=True, kw_only=True, tag="response.custom_tool_call_input.done"):
    input: str


class ErrorEvent(_Numbered, frozen=True, kw_only=True, tag="error"):
    """A failure before there was a response to call failed."""

    message: str
    code: str | None = None
    param: str | None = None


OfResponse = Created | InProgress | Completed | Incomplete | Failed
OfMessage = PartAdded | PartDone | TextDelta | TextDone | RefusalDelta | RefusalDone
OfReasoning = ReasoningDelta | ReasoningDone | SummaryPartAdded | SummaryPartDone | SummaryDelta | SummaryDone
OfCall = ArgumentsDelta | ArgumentsDone | CustomInputDelta | CustomInputDone
Event = OfResponse | ItemAdded | ItemDone | OfMessage | OfReasoning | OfCall | ErrorEvent

_encode = msgspec.json.Encoder().encode


def event_name(event: Event) -> str:
    """The type of an event, which is its name on the wire too."""
    return cast("str", event.__struct_config__.tag)


def event_bytes(event: Event) -> bytes:
    """One event on the wire."""
    return sse.event(_encode(event), event_name(event))
