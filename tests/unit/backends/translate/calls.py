"""What a tool-call parser gave out, gathered as a client would."""

import itertools
from collections.abc import Iterable

from msgspec import Struct, structs

from backends.translate.tool_calls.deltas import Delta, Text, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.formats import FORMATS, StreamParser, ToolFormat

TOOLS: list[dict[str, object]] = [
    {"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "time"}},
    {"type": "function", "function": {"name": "save", "parameters": {"properties": {"text": {"type": "string"}}}}},
]


class Read(Struct):
    """The content and the calls as (name, arguments), in the order of their indexes."""

    content: str = ""
    calls: list[tuple[str, str]] = []
    ids: list[str] = []


def counted(form: ToolFormat) -> ToolFormat:
    """The format with identities that count up."""
    numbers = itertools.count()
    return structs.replace(form, new_id=lambda: f"id{next(numbers)}")


def parser(family: str) -> StreamParser:
    return counted(FORMATS[family]).parser(TOOLS)  # pyright: ignore[reportArgumentType]


def gathered(deltas: Iterable[Delta]) -> Read:
    """Fails when a call's parts come out of order."""
    read = Read()
    for delta in deltas:
        match delta:
            case Text(text):
                assert text
                read.content += text
            case ToolCallStart(index, identity, name):
                assert index == len(read.calls)
                read.calls.append((name, ""))
                read.ids.append(identity)
            case ToolCallArguments(index, text):
                assert index == len(read.calls) - 1
                name, arguments = read.calls[index]
                read.calls[index] = (name, arguments + text)
    return read


def read(parser: StreamParser, pieces: Iterable[str]) -> Read:
    """A whole answer in pieces."""
    deltas = [delta for piece in pieces for delta in parser.feed(piece)]
    return gathered([*deltas, *parser.finish()])
