"""Tools of a chat request and the choice among them, as Messages have them. Pure."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from backends.translate.claude.asked import ChatAsked
from backends.translate.claude.asked import Tool as ChatTool
from backends.translate.claude.strict_schema import supported
from backends.translate.responses.names import Target, ToolNames
from backends.wire.anthropic_request import Tool, ToolChoice
from backends.wire.openai_chat import NamedChoice, NamedFunction


class Offer(Struct, frozen=True, kw_only=True):
    """``legacy``: the client asked in ``functions``, and reads ``function_call`` only."""

    tools: Sequence[Tool]
    choice: ToolChoice | None
    names: ToolNames
    legacy: bool

    @property
    def forced(self) -> bool:
        """The answer is a call, whatever the model thinks."""
        return self.choice is not None and self.choice.type in ("any", "tool")


def offer(asked: ChatAsked) -> Offer:
    """Everything in the client's order, so that the same tools give the same bytes."""
    declared = list(asked.tools or ())
    legacy = not declared and bool(asked.functions)
    declared += [ChatTool(function=function) for function in asked.functions or ()] if legacy else []
    names = ToolNames([Target(name=name) for name in (*(tool.function.name for tool in declared), *_called(asked))])
    tools = [_tool(tool, names) for tool in declared]
    return Offer(
        tools=tools, choice=_choice(asked, names, legacy=legacy) if tools else None, names=names, legacy=legacy
    )


def _called(asked: ChatAsked) -> Iterator[str]:
    """Names in the conversation, which tells of tools that are no longer offered, too."""
    for said in asked.messages:
        yield from (call.function.name for call in said.tool_calls or () if call.function.name)
        if said.function_call is not None and said.function_call.name:
            yield said.function_call.name


def _tool(tool: ChatTool, names: ToolNames) -> Tool:
    function = tool.function
    strict = bool(function.strict)
    parameters = _object(function.parameters)
    return Tool(
        name=names.flat(function.name),
        input_schema=supported(parameters) if strict else parameters,
        description=function.description or None,
        strict=strict,
        cache_control=tool.cache_control,
    )


def _object(parameters: dict[str, object] | None) -> dict[str, object]:
    """The API wants the type said, of tools without parameters, too."""
    if not parameters:
        return {"type": "object", "properties": {}}
    return parameters if "type" in parameters else {"type": "object", **parameters}


def _choice(asked: ChatAsked, names: ToolNames, *, legacy: bool) -> ToolChoice | None:
    """``functions`` know one call at a time only."""
    alone = legacy or asked.parallel_tool_calls is False
    match asked.function_call if legacy else asked.tool_choice:
        case "none":
            return ToolChoice(type="none")
        case "required":
            return ToolChoice(type="any", disable_parallel_tool_use=alone)
        case NamedChoice(function=NamedFunction(name=name)) | NamedFunction(name=name):
            return ToolChoice(type="tool", name=names.flat(name), disable_parallel_tool_use=alone)
        case "auto":
            return ToolChoice(type="auto", disable_parallel_tool_use=alone)
        case None:
            return ToolChoice(type="auto", disable_parallel_tool_use=True) if alone else None
