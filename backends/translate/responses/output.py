"""The items of a Response's output, and its end: what the plain answer and the stream have in common."""

from typing import Literal

import msgspec
from msgspec import UNSET

from backends.errors import BackendError, Cause
from backends.translate.chat_answer import Logprobs, Usage
from backends.translate.responses.free_text import free_text
from backends.translate.responses.names import ToolNames
from backends.wire.openai_chat_reply import TopLogprob
from backends.wire.openai_responses_items import ReasoningText, Refusal, SummaryText
from backends.wire.openai_responses_reply import (
    CustomCallOutput,
    FunctionCallOutput,
    IncompleteDetails,
    InputDetails,
    ItemStatus,
    MessageOutput,
    OutputDetails,
    OutputItem,
    ReasoningOutput,
    Response,
    ResponseError,
    ResponseUsage,
    TextLogprob,
    TextPart,
    TokenAlternative,
)

_ID_KINDS = Literal["rs", "msg", "fc", "ctc", "call"]
_CODES = {
    Cause.CONTEXT_LENGTH: "context_length_exceeded",
    Cause.INVALID_REQUEST: "invalid_prompt",
    Cause.CONTENT_REFUSED: "invalid_prompt",
    Cause.RATE_LIMITED: "rate_limit_exceeded",
    Cause.UPSTREAM_RATE_LIMITED: "rate_limit_exceeded",
}


def item_id(kind: _ID_KINDS, response_id: str, index: int) -> str:
    """An id as unique as the response's, the same for the same place in the output."""
    return f"{kind}_{response_id.removeprefix('resp_')}{index:02x}"


def reasoning_item(name: str, text: str, *, summarised: bool, status: ItemStatus) -> ReasoningOutput:
    """``summarised`` clients send summaries back, others the content."""
    if summarised:
        return ReasoningOutput(id=name, summary=[SummaryText(text=text)] if text else [], status=status)
    return ReasoningOutput(id=name, summary=[], content=[ReasoningText(text=text)] if text else [], status=status)


def message_item(name: str, parts: list[TextPart | Refusal], status: ItemStatus) -> MessageOutput:
    return MessageOutput(id=name, status=status, content=parts)


def call_item(
    response_id: str, index: int, call_id: str, flat: str, arguments: str, names: ToolNames, status: ItemStatus
) -> FunctionCallOutput | CustomCallOutput:
    """A call under the name and group that the client declared. ``call_id`` may be empty: then it gets one."""
    target = names.target(flat)
    call_id = call_id or item_id("call", response_id, index)
    namespace = target.namespace or UNSET
    if target.kind == "custom":
        name = item_id("ctc", response_id, index)
        free = free_text(arguments)
        return CustomCallOutput(
            id=name, call_id=call_id, name=target.name, input=free, status=status, namespace=namespace
        )
    name = item_id("fc", response_id, index)
    return FunctionCallOutput(
        id=name, call_id=call_id, name=target.name, arguments=arguments, status=status, namespace=namespace
    )


def text_logprobs(logprobs: Logprobs | None) -> list[TextLogprob]:
    return [
        TextLogprob(
            token=each.token,
            logprob=each.logprob,
            bytes=each.bytes or [],
            top_logprobs=[_alternative(other) for other in each.top_logprobs],
        )
        for each in (logprobs.content if logprobs else None) or ()
    ]


def _alternative(other: TopLogprob) -> TokenAlternative:
    return TokenAlternative(token=other.token, logprob=other.logprob, bytes=other.bytes or [])


def cut_short(finish_reason: str | None) -> IncompleteDetails | None:
    """Why an answer ended before its end, if it did."""
    match finish_reason:
        case "length":
            return IncompleteDetails(reason="max_output_tokens")
        case "content_filter":
            return IncompleteDetails(reason="content_filter")
        case _:
            return None


def finished(
    begun: Response, output: list[OutputItem], finish_reason: str | None, usage: Usage | None, completed_at: int
) -> Response:
    """``begun`` with its end. Only a completed response has a time of completion."""
    cut = cut_short(finish_reason)
    return msgspec.structs.replace(
        begun,
        status="incomplete" if cut else "completed",
        incomplete_details=cut,
        completed_at=None if cut else completed_at,
        output=output,
        usage=_usage(usage),
    )


def failed(begun: Response, output: list[OutputItem], error: BackendError) -> Response:
    """``begun`` with what there is of the output and the reason of the failure in words for the client."""
    reason = ResponseError(code=error_code(error), message=error.detail)
    return msgspec.structs.replace(begun, status="failed", error=reason, output=output)


def error_code(error: BackendError) -> str:
    """The code that clients of this dialect parse."""
    return _CODES.get(error.cause, "server_error")


def _usage(usage: Usage | None) -> ResponseUsage | None:
    if usage is None:
        return None
    sent, got = usage.prompt_tokens or 0, usage.completion_tokens or 0
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return ResponseUsage(
        input_tokens=sent,
        output_tokens=got,
        total_tokens=sent + got,
        input_tokens_details=InputDetails(
            cached_tokens=(prompt.cached_tokens if prompt else None) or 0,
            cache_write_tokens=(prompt.cache_write_tokens if prompt else None) or 0,
        ),
        output_tokens_details=OutputDetails(
            reasoning_tokens=(completion.reasoning_tokens if completion else None) or 0
        ),
    )
