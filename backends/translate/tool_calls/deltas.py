"""What a tool-call parser gives out while an answer grows."""

from msgspec import Struct


class Text(Struct, frozen=True):
    """Words for the user."""

    text: str


class ToolCallStart(Struct, frozen=True):
    """Call number ``index`` of the answer (from 0) begins; its arguments follow."""

    index: int
    id: str
    name: str


class ToolCallArguments(Struct, frozen=True):
    """More of the JSON text of a call's arguments."""

    index: int
    text: str


Delta = Text | ToolCallStart | ToolCallArguments
