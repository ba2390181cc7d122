"""The items and tools of a Responses request, as clients send them and as stored answers come back.

``ITEMS`` and ``TOOLS`` say which kinds have a shape; ``kind`` reads the one of a raw value. A message may lack its
type. It never decides what becomes of a kind that has none.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from backends.wire.decode import decode

ToolName = Annotated[str, Meta(min_length=1, max_length=256)]


class InputText(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_text"):
    text: str


class PlainText(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    text: str


class OutputText(Struct, frozen=True, kw_only=True, tag_field="type", tag="output_text"):
    text: str


class Refusal(Struct, frozen=True, kw_only=True, tag_field="type", tag="refusal"):
    refusal: str


class InputImage(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_image"):
    """``image_url`` is an address or a ``data:`` URL."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class InputFile(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_file"):
    """``file_data`` is base64 or a ``data:`` URL."""

    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None


class Audio(Struct, frozen=True, kw_only=True):
    """``data`` is base64."""

    data: str
    format: str


class InputAudio(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_audio"):
    input_audio: Audio


class SummaryText(Struct, frozen=True, kw_only=True, tag_field="type", tag="summary_text"):
    text: str


class ReasoningText(Struct, frozen=True, kw_only=True, tag_field="type", tag="reasoning_text"):
    text: str


Content = InputText | PlainText | OutputText | Refusal | InputImage | InputFile | InputAudio


class MessageItem(Struct, frozen=True, kw_only=True):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Content]


class FunctionCallItem(Struct, frozen=True, kw_only=True):
    """``arguments`` is JSON text as the model wrote it."""

    call_id: str
    name: str
    arguments: str
    namespace: str | None = None


class CustomCallItem(Struct, frozen=True, kw_only=True):
    """``input`` is free text."""

    call_id: str
    name: str
    input: str
    namespace: str | None = None


class CallOutputItem(Struct, frozen=True, kw_only=True):
    """What a function or a custom tool gave back."""

    call_id: str
    output: str | list[Content]


class ReasoningItem(Struct, frozen=True, kw_only=True):
    """``encrypted_content`` is readable only by the service that wrote it."""

    summary: list[SummaryText] | None = None
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None


class ReferenceItem(Struct, frozen=True, kw_only=True):
    """Stands for a stored item."""

    id: str


Item = MessageItem | FunctionCallItem | CustomCallItem | CallOutputItem | ReasoningItem | ReferenceItem
ITEMS: dict[str, type[Item]] = {
    "message": MessageItem,
    "function_call": FunctionCallItem,
    "custom_tool_call": CustomCallItem,
    "function_call_output": CallOutputItem,
    "custom_tool_call_output": CallOutputItem,
    "reasoning": ReasoningItem,
    "item_reference": ReferenceItem,
}


class FunctionTool(Struct, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """``parameters`` is a JSON Schema; none means no parameters."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class CustomFormat(Struct, frozen=True, kw_only=True):
    """``type`` text or grammar; a grammar has a ``syntax`` and a ``definition``."""

    type: str
    syntax: str | None = None
    definition: str | None = None


class CustomTool(Struct, frozen=True, kw_only=True, tag_field="type", tag="custom"):
    """A tool whose input is free text."""

    name: ToolName
    description: str | None = None
    format: CustomFormat | None = None


class NamespaceTool(Struct, frozen=True, kw_only=True, tag_field="type", tag="namespace"):
    """Tools under a common name, which calls of them carry in ``namespace``."""

    name: ToolName
    tools: list[Raw]
    description: str | None = None


Tool = FunctionTool | CustomTool | NamespaceTool
TOOLS: dict[str, type[Tool]] = {"function": FunctionTool, "custom": CustomTool, "namespace": NamespaceTool}


class _Kind(Struct, frozen=True):
    type: str | None = None


def kind(raw: Raw, default: str = "") -> str:
    """The ``type`` of a raw item or tool. Raises ``BackendError(INVALID_REQUEST)`` when it is no object."""
    return decode(bytes(raw), _Kind).type or default
