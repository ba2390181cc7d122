"""A Messages request as a chat request.

The same input gives the same bytes, and what clients change between turns without meaning it (a system text as string
or list, a billing header) gives none: engines reuse what they read before. Nothing is left out without a note.
"""

from collections.abc import Sequence

from msgspec import Struct

from backends.translate.anthropic.conversation import Conversation
from backends.translate.anthropic.system import system_text
from backends.translate.anthropic.tools import choose, offer
from backends.translate.chat_body import ChatBody, ChatSchema, Notes
from backends.wire.anthropic_messages import MessagesRequest, OutputConfig
from backends.wire.openai_chat import JsonSchemaFormat, NamedChoice
from backends.wire.openai_sampling import StreamOptions, refuse

_EFFORTS = frozenset({"low", "medium", "high"})
_EFFORT_BEYOND = {"xhigh": "high", "max": "high"}


class Translation(Struct, frozen=True, kw_only=True):
    """``request`` for the backend, ``notes`` for the log."""

    request: ChatBody
    notes: Sequence[str]


def to_chat(request: MessagesRequest, *, sees: bool = True) -> Translation:
    """``sees``: the model reads pictures; else it is told where tools showed some.

    Raises ``BackendError(INVALID_REQUEST)`` with ``param`` for what no chat can hold.
    """
    notes = Notes([])
    conversation = Conversation(system_text(request.system), notes, sees=sees)
    last_user = max((at for at, message in enumerate(request.messages) if message.role == "user"), default=-1)
    for index, message in enumerate(request.messages):
        cleared = message.clear_at == "next_user_message" and index < last_user
        conversation.add(message, f"messages[{index}]", cleared=cleared)
    offered = offer(request.tools or [], conversation.changes, notes)
    tools = offered.tools
    choice = choose(request.tool_choice, offered, notes)
    forced = choice == "required" or isinstance(choice, NamedChoice)
    messages = conversation.finish()
    goes_on = True if messages[-1].role == "assistant" and not messages[-1].tool_calls else None
    body = ChatBody(
        model=request.model,
        messages=messages,
        max_tokens=request.max_tokens,
        tools=tools or None,
        tool_choice=choice,
        parallel_tool_calls=_parallel(request, bool(tools)),
        response_format=_format(request.output_config, notes, forced=forced),
        reasoning_effort=_effort(request, notes),
        continue_final_message=goes_on,
        add_generation_prompt=False if goes_on else None,
        stop=request.stop_sequences or None,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        min_p=request.min_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        repeat_penalty=request.repeat_penalty,
        seed=request.seed,
        stream=request.stream or None,
        stream_options=StreamOptions(include_usage=True) if request.stream else None,
    )
    return Translation(request=body, notes=tuple(notes.lines))


def _parallel(request: MessagesRequest, offers: bool) -> bool | None:
    alone = request.tool_choice is not None and request.tool_choice.disable_parallel_tool_use
    return False if offers and alone else None


def _effort(request: MessagesRequest, notes: Notes) -> str | None:
    if request.thinking is not None and request.thinking.type == "disabled":
        return "none"
    effort = request.output_config.effort if request.output_config else None
    if effort is None or effort in _EFFORTS:
        return effort
    known = _EFFORT_BEYOND.get(effort)
    what = f"more than backends know; {known} instead" if known else "not known; left out"
    notes.add("output_config.effort", f"{effort[:40]} is {what}")
    return known


def _format(config: OutputConfig | None, notes: Notes, *, forced: bool) -> JsonSchemaFormat | None:
    wanted = config.format if config else None
    if wanted is None:
        return None
    if wanted.type != "json_schema" or wanted.schema is None:
        raise refuse("output_config.format", "json_schema with a schema is known")
    if forced:
        notes.add("output_config.format", "a forced call has no words to give a form; left out")
        return None
    return JsonSchemaFormat(json_schema=ChatSchema(schema=wanted.schema, name="answer", strict=True))
