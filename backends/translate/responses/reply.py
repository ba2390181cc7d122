"""A chat completion as a Response, and what of a Response is known before there is an answer."""

import msgspec
from msgspec import Raw

from backends.errors import BackendError, Cause
from backends.translate.chat_answer import Answer, Call
from backends.translate.responses.names import ToolNames
from backends.translate.responses.output import (
    call_item,
    cut_short,
    finished,
    item_id,
    message_item,
    reasoning_item,
    text_logprobs,
)
from backends.wire.decode import decode
from backends.wire.openai_responses import PlainFormat, ReasoningConfig, ResponsesRequest, TextConfig
from backends.wire.openai_responses_items import FunctionTool, Refusal, kind
from backends.wire.openai_responses_reply import ItemStatus, OutputItem, Response, TextPart

_encode = msgspec.json.Encoder().encode


def begin(request: ResponsesRequest, response_id: str, created_at: int) -> Response:
    """The Response in progress: everything that repeats the request. ``created_at`` in Unix seconds."""
    text = request.text or TextConfig()
    return Response(
        id=response_id,
        created_at=created_at,
        model=request.model,
        status="in_progress",
        output=[],
        instructions=request.instructions,
        previous_response_id=request.previous_response_id,
        tools=[_echo(raw) for raw in request.tools or ()],
        tool_choice=request.tool_choice or "auto",
        parallel_tool_calls=request.parallel_tool_calls is not False,
        truncation=request.truncation or "disabled",
        text=TextConfig(format=text.format or PlainFormat(), verbosity=text.verbosity),
        reasoning=request.reasoning or ReasoningConfig(),
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty or 0.0,
        frequency_penalty=request.frequency_penalty or 0.0,
        top_logprobs=request.top_logprobs or 0,
        max_output_tokens=request.max_output_tokens,
        max_tool_calls=request.max_tool_calls,
        store=request.store is not False,
        metadata=request.metadata or {},
        safety_identifier=request.safety_identifier,
        prompt_cache_key=request.prompt_cache_key,
    )


def to_response(
    begun: Response, completion: Answer, names: ToolNames, *, summarised: bool, completed_at: int
) -> Response:
    """``summarised``: reasoning as a summary (``ResponsesRequest.wants_summary``). Times in Unix seconds.

    Raises ``BackendError(UPSTREAM_PROTOCOL)`` where the backend answered without a message.
    """
    choice = completion.first()
    if choice is None or choice.message is None:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend's answer holds no message")
    said = choice.message
    parts: list[TextPart | Refusal] = []
    if said.content:
        parts.append(TextPart(text=said.content, logprobs=text_logprobs(choice.logprobs)))
    if said.refusal:
        parts.append(Refusal(refusal=said.refusal))
    count = bool(said.thought()) + bool(parts) + len(said.tool_calls or ())
    cut = cut_short(choice.finish_reason) is not None

    def status(index: int) -> ItemStatus:
        return "incomplete" if cut and index == count - 1 else "completed"

    output: list[OutputItem] = []
    if said.thought():
        name = item_id("rs", begun.id, 0)
        output.append(reasoning_item(name, said.thought(), summarised=summarised, status=status(0)))
    if parts:
        output.append(message_item(item_id("msg", begun.id, len(output)), parts, status(len(output))))
    for call in said.tool_calls or ():
        output.append(_call(begun.id, len(output), call, names, status(len(output))))
    return finished(begun, output, choice.finish_reason, completion.usage, completed_at)


def _call(response_id: str, index: int, call: Call, names: ToolNames, status: ItemStatus) -> OutputItem:
    flat = (call.function.name if call.function else None) or ""
    arguments = (call.function.arguments if call.function else None) or ""
    return call_item(response_id, index, call.id or "", flat, arguments, names, status)


def _echo(raw: Raw) -> Raw:
    """A tool as the client wrote it; strict readers want every field of a function."""
    if kind(raw) != "function":
        return raw
    return Raw(_encode(decode(bytes(raw), FunctionTool)))
