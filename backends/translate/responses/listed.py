"""What led to a response as its list tells it: every item has a name and a state, every content is in parts. Pure.

Clients may leave all of that out when they send an item. What is stored stays as it was sent.
"""

import msgspec
from msgspec import Raw, Struct, structs

from backends.wire.openai_responses_items import (
    CallOutputItem,
    Content,
    InputImage,
    InputText,
    MessageItem,
    OutputText,
    PlainText,
    Refusal,
    kind,
)

_encode = msgspec.json.Encoder().encode
_STATED = frozenset({"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"})
_RESULTS = frozenset({"function_call_output", "custom_tool_call_output"})
_NOTHING = (None, Raw(b"null"), Raw(b'""'))


class _Said(Struct, frozen=True, tag_field="type", tag="output_text"):
    text: str
    annotations: list[Raw] = []


def listed(item: Raw, name: str) -> Raw:
    """``name``: what it is called where it has no name of its own."""
    known = kind(item, "message")
    fields = msgspec.json.decode(item, type=dict[str, Raw])
    missing = {"type": known, "id": name}
    if known in _STATED:
        missing["status"] = "completed"
    for key, value in missing.items():
        if fields.get(key) in _NOTHING:
            fields[key] = Raw(_encode(value))
    if known == "message":
        said = msgspec.json.decode(item, type=MessageItem)
        parts = [InputText(text=said.content)] if isinstance(said.content, str) else said.content
        fields["content"] = Raw(_encode([_part(part, own=said.role == "assistant") for part in parts]))
    elif known in _RESULTS:
        output = msgspec.json.decode(item, type=CallOutputItem).output
        if not isinstance(output, str):
            fields["output"] = Raw(_encode([_part(part, own=False) for part in output]))
    elif known == "reasoning" and fields.get("summary") in _NOTHING:
        fields["summary"] = Raw(b"[]")
    return Raw(_encode(fields))


def _part(part: Content, *, own: bool) -> Content | _Said:
    """``own``: the assistant's, whose words are told apart from what it was told."""
    match part:
        case InputText() | OutputText() | PlainText():
            return _Said(part.text) if own else InputText(text=part.text)
        case InputImage():
            return structs.replace(part, detail=part.detail or "auto")
        case Refusal():
            return part if own else InputText(text=part.refusal)
        case _:
            return part
