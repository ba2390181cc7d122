"""A Responses request as a chat request.

The caller has put stored earlier items before the client's. The same input gives the same bytes: what a client sent
before is rendered the same way again. Nothing is left out without a note.
"""

from collections.abc import Sequence

from msgspec import Struct

from backends.translate.chat_body import ChatBody, ChatSchema, Notes
from backends.translate.responses.items import Conversation, LateSystem
from backends.translate.responses.names import ToolNames
from backends.translate.responses.tools import choose, offer
from backends.wire.openai_chat import JsonObjectFormat, JsonSchemaFormat
from backends.wire.openai_responses import Format, ObjectFormat, ResponsesRequest, SchemaFormat
from backends.wire.openai_sampling import StreamOptions, refuse

_EFFORT_BEYOND = {"xhigh": "high", "max": "high"}


class Translation(Struct, frozen=True, kw_only=True):
    """``request`` for the backend, ``names`` to read its answer with, ``notes`` for the log."""

    request: ChatBody
    names: ToolNames
    notes: Sequence[str]


def to_chat(request: ResponsesRequest, *, late_system: LateSystem = "user", sees: bool = True) -> Translation:
    """Translate. ``late_system`` is "system" where the model's template takes one after the beginning; ``sees``: the
    model reads pictures, else it is told where tools showed some.

    Raises ``BackendError(INVALID_REQUEST)`` with ``param`` for items or tools in a wrong shape, references to
    items that were not resolved, what only another server keeps, and a forced call that nothing offered can answer.
    """
    if request.conversation is not None:
        raise refuse("conversation", "conversations are not kept here; name the previous_response_id or send the items")
    if request.prompt is not None:
        raise refuse("prompt", "prompts are not kept here; send the text itself")
    notes = Notes([])
    offered = offer(request.tools or [], notes)
    tools, choice = choose(request.tool_choice, offered, notes)
    conversation = Conversation(request.instructions, offered.names, notes, late_system=late_system, sees=sees)
    if isinstance(request.input, str):
        conversation.say(request.input)
    else:
        for index, raw in enumerate(request.input):
            conversation.add(raw, f"input[{index}]")
    _note_settings(request, notes)
    logprobs = request.wants_logprobs()
    body = ChatBody(
        model=request.model,
        messages=conversation.finish(),
        max_tokens=request.max_output_tokens,
        tools=tools or None,
        tool_choice=choice,
        parallel_tool_calls=request.parallel_tool_calls if tools else None,
        response_format=_format(request.text.format if request.text else None),
        reasoning_effort=_effort(request, notes),
        verbosity=request.text.verbosity if request.text else None,
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        logprobs=True if logprobs else None,
        top_logprobs=request.top_logprobs if logprobs else None,
        stop=request.stop,
        seed=request.seed,
        top_k=request.top_k,
        min_p=request.min_p,
        user=request.user,
        stream=request.stream or None,
        stream_options=StreamOptions(include_usage=True) if request.stream else None,
    )
    return Translation(request=body, names=offered.names, notes=tuple(notes.lines))


def _format(wanted: Format | None) -> JsonObjectFormat | JsonSchemaFormat | None:
    match wanted:
        case ObjectFormat():
            return JsonObjectFormat()
        case SchemaFormat():
            schema = ChatSchema(
                schema=wanted.schema, name=wanted.name, description=wanted.description, strict=wanted.strict
            )
            return JsonSchemaFormat(json_schema=schema)
        case _:
            return None


def _effort(request: ResponsesRequest, notes: Notes) -> str | None:
    wanted = request.reasoning.effort if request.reasoning else None
    if wanted in _EFFORT_BEYOND:
        notes.add("reasoning.effort", f"{wanted} is more than backends know; {_EFFORT_BEYOND[wanted]} instead")
        return _EFFORT_BEYOND[wanted]
    return wanted


def _note_settings(request: ResponsesRequest, notes: Notes) -> None:
    if request.truncation == "auto":
        notes.add("truncation", "nothing is cut; a conversation that does not fit is refused")
    if request.background:
        notes.add("background", "answered in the foreground")
    if request.max_tool_calls is not None:
        notes.add("max_tool_calls", "counts calls of built-in tools, of which there are none")
