"""A chat request as a Messages request, in bytes.

The same request gives the same bytes, and what is added at the end of a conversation changes nothing before it: servers
keep what they read. What is left out is in ``fields`` or noted.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from backends.translate.chat_body import Notes
from backends.translate.claude.asked import ChatAsked
from backends.translate.claude.conversation import Conversation
from backends.translate.claude.fields import look_through
from backends.translate.claude.strict_schema import supported
from backends.translate.claude.terms import Terms, sample, think
from backends.translate.claude.tools import Offer, offer
from backends.translate.responses.names import ToolNames
from backends.wire.anthropic_request import CacheControl, Message, MessagesBody, OutputConfig, OutputFormat, Text, Tool
from backends.wire.decode import decode
from backends.wire.openai_chat import JsonObjectFormat, JsonSchemaFormat

PLAIN_JSON = "Answer with one JSON object and nothing else."
"""``json_object`` has no likeness there: without a schema the model is told in words."""
_encode = msgspec.json.Encoder().encode


class Expected(Struct, frozen=True, kw_only=True):
    """What a request said that its answer is told by. ``legacy``: calls are told as ``function_call``."""

    names: ToolNames
    legacy: bool = False
    include_usage: bool = False


class Translation(Struct, frozen=True, kw_only=True):
    """``body`` for the server, ``expected`` for the way back, ``notes`` for the log."""

    body: bytes
    expected: Expected
    notes: Sequence[str]


def to_messages(body: bytes, terms: Terms, *, model: str | None = None) -> Translation:
    """``body``: a chat request that has been checked. ``model``: the server's name of it, where that is another.

    Raises ``BackendError(INVALID_REQUEST)`` with ``param`` for what no Message can hold.
    """
    asked, notes = decode(body, ChatAsked), Notes([])
    look_through(decode(body, dict[str, Raw]), notes)
    offered = offer(asked)
    conversation = Conversation(offered.names, notes, late_system=terms.late_system)
    for index, said in enumerate(asked.messages):
        conversation.add(said, f"messages[{index}]")
    system, messages = conversation.finish()
    if isinstance(asked.response_format, JsonObjectFormat):
        system = [*system, Text(text=PLAIN_JSON)]
        notes.add("response_format", "json_object is told to the model in words")
    sent = _body(asked, terms, offered, system, messages, notes)
    expected = Expected(
        names=offered.names, legacy=offered.legacy, include_usage=bool(asked.stream) and asked.wants_usage()
    )
    return Translation(body=_encode(_named(sent, model)), expected=expected, notes=tuple(notes.lines))


def _body(
    asked: ChatAsked, terms: Terms, offered: Offer, system: list[Text], messages: list[Message], notes: Notes
) -> MessagesBody:
    most = min(asked.token_limit() or terms.max_tokens, terms.max_tokens)
    thought = think(asked.reasoning_effort, terms, most, notes, forced=offered.forced)
    thinks = thought.thinking is not None and thought.thinking.type != "disabled"
    sampled = sample(asked, terms, notes, thinks=thinks)
    form = _format(asked)
    config = OutputConfig(effort=thought.effort, format=form) if thought.effort or form else None
    return MessagesBody(
        max_tokens=most,
        messages=messages,
        model=asked.model,
        cache_control=_automatic(terms, system, offered.tools, messages),
        output_config=config,
        stop_sequences=_stops(asked, notes),
        stream=bool(asked.stream),
        system=system or None,
        thinking=thought.thinking,
        tool_choice=offered.choice,
        tools=list(offered.tools) or None,
        temperature=sampled.temperature,
        top_k=sampled.top_k,
        top_p=sampled.top_p,
    )


def _named(sent: MessagesBody, model: str | None) -> MessagesBody:
    return sent if model is None else msgspec.structs.replace(sent, model=model)


def _format(asked: ChatAsked) -> OutputFormat | None:
    if not isinstance(asked.response_format, JsonSchemaFormat):
        return None
    return OutputFormat(schema=supported(asked.response_format.json_schema.schema))


def _stops(asked: ChatAsked, notes: Notes) -> list[str] | None:
    stops = [stop for stop in asked.stop_strings() if stop.strip()]
    if len(stops) < len(asked.stop_strings()):
        notes.add("stop", "white space alone is not taken there; left out")
    return stops or None


def _automatic(
    terms: Terms, system: Sequence[Text], tools: Sequence[Tool], messages: Sequence[Message]
) -> CacheControl | None:
    """One mark at the top, which the server moves along with the conversation; none where the client set its own."""
    if not terms.caches or any(block.cache_control for block in (*system, *tools)):
        return None
    marked = any(getattr(block, "cache_control", None) for message in messages for block in message.content)
    return None if marked else CacheControl(type="ephemeral")
