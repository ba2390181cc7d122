"""A Messages request as a chat request.

The same input gives the same bytes, and what clients change between turns without meaning it (a system text as string
or list, a billing header) gives none: engines reuse what they read before. Nothing is left out without a note.
"""

from collections.abc import Sequence

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.translate.anthropic.conversation import Conversation
from backends.translate.anthropic.system import system_text
from backends.translate.anthropic.tools import choose, offer
from backends.translate.chat_body import ChatBody, Notes
from backends.wire.anthropic_messages import MessagesRequest, OutputConfig
from backends.wire.openai_chat import JsonSchemaFormat, NamedSchema
from backends.wire.openai_sampling import StreamOptions

_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


class Translation(Struct, frozen=True, kw_only=True):
    """``request`` for the backend, ``notes`` for the log."""

    request: ChatBody
    notes: Sequence[str]


def to_chat(request: MessagesRequest) -> Translation:
    """Raises ``BackendError(INVALID_REQUEST)`` with ``param`` for what no chat can hold."""
    notes = Notes([])
    conversation = Conversation(system_text(request.system), notes)
    for index, message in enumerate(request.messages):
        conversation.add(message, f"messages[{index}]")
    tools = offer(request.tools or [], conversation.referenced, notes)
    body = ChatBody(
        model=request.model,
        messages=conversation.finish(),
        max_tokens=request.max_tokens,
        tools=tools or None,
        tool_choice=choose(request.tool_choice, tools),
        parallel_tool_calls=_parallel(request, bool(tools)),
        response_format=_format(request.output_config),
        reasoning_effort=_effort(request),
        stop=request.stop_sequences or None,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stream=request.stream or None,
        stream_options=StreamOptions(include_usage=True) if request.stream else None,
    )
    return Translation(request=body, notes=tuple(notes.lines))


def _parallel(request: MessagesRequest, offers: bool) -> bool | None:
    alone = request.tool_choice is not None and request.tool_choice.disable_parallel_tool_use
    return False if offers and alone else None


def _effort(request: MessagesRequest) -> str | None:
    if request.thinking is not None and request.thinking.type == "disabled":
        return "none"
    effort = request.output_config.effort if request.output_config else None
    return _EFFORTS.get(effort or "")


def _format(config: OutputConfig | None) -> JsonSchemaFormat | None:
    wanted = config.format if config else None
    if wanted is None:
        return None
    if wanted.type != "json_schema" or wanted.schema is None:
        raise BackendError(
            Cause.INVALID_REQUEST, "output_config.format: json_schema with a schema is known",
            param="output_config.format",
        )  # fmt: skip
    return JsonSchemaFormat(json_schema=NamedSchema(schema=wanted.schema, name="answer", strict=True))
