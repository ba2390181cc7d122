"""Tells a model about its tools in words, for chat templates that cannot. Pure."""

from typing import cast

import msgspec

from backends.translate.tool_calls.forced import Wrapping

_INTRODUCTION = (
    "You can call functions to help the user. These functions are available, one JSON object a line:\n"
    "<tools>\n{tools}\n</tools>\n\n"
)


def with_instructions(
    messages: list[dict[str, object]], tools: list[dict[str, object]], how: str, wrapping: Wrapping
) -> list[dict[str, object]]:
    """The conversation with the tools and ``how`` to call them in its system message; results become user messages.

    Without tools only the past is put in words: a client may offer none any more and still send calls and results.
    """
    told = [_told(message, wrapping) for message in messages]
    if not tools:
        return told
    listed = "\n".join(msgspec.json.format(msgspec.json.encode(tool["function"]), indent=0).decode() for tool in tools)
    words = _INTRODUCTION.format(tools=listed) + how
    if told and told[0]["role"] == "system":
        return [told[0] | {"content": f"{told[0]['content']}\n\n{words}"}, *told[1:]]
    return [{"role": "system", "content": words}, *told]


def _told(message: dict[str, object], wrapping: Wrapping) -> dict[str, object]:
    """A message in words: templates without tools drop past calls, and some refuse the role of a result."""
    if message["role"] in ("tool", "function"):
        return {"role": "user", "content": f"<tool_response>\n{message['content']}\n</tool_response>"}
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or not calls:
        return message
    lines = [wrapping.before + _line(call) + wrapping.after for call in cast("list[object]", calls)]
    text = "\n".join(part for part in (str(message.get("content") or ""), *lines) if part)
    return {"role": message["role"], "content": text}


def _line(call: object) -> str:
    made = msgspec.convert(call, _Call)
    raw = made.function.arguments.encode() or b"{}"
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raw = msgspec.json.encode(made.function.arguments)
    return f'{{"name": {msgspec.json.encode(made.function.name).decode()}, "arguments": {raw.decode()}}}'


class _Function(msgspec.Struct):
    name: str
    arguments: str = "{}"


class _Call(msgspec.Struct):
    function: _Function
