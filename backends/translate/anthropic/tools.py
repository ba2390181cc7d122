"""Tools of a Messages request as chat offers them. Pure."""

from collections.abc import Collection, Sequence
from typing import Literal

from backends.errors import BackendError, Cause
from backends.translate.chat_body import ChatFunction, Notes
from backends.wire.anthropic_messages import Tool, ToolChoice
from backends.wire.openai_chat import NamedChoice, NamedFunction
from backends.wire.openai_chat import Tool as ChatTool

Choice = Literal["none", "auto", "required"] | NamedChoice


def offer(tools: Sequence[Tool], referenced: Collection[str], notes: Notes) -> list[ChatTool]:
    """In the order given. A deferred tool is told once a result has named it; a server's own cannot be."""
    offered: list[ChatTool] = []
    for index, tool in enumerate(tools):
        if tool.input_schema is None and tool.type not in (None, "custom"):
            notes.add(f"tools[{index}]", f"{tool.type} runs on its maker's servers only; left out")
        elif not (tool.defer_loading and tool.name not in referenced):
            function = ChatFunction(name=tool.name, description=tool.description, parameters=tool.input_schema or {})
            offered.append(ChatTool(function=function))
    return offered


def choose(choice: ToolChoice | None, offered: Sequence[ChatTool]) -> Choice | None:
    """Raises ``BackendError(INVALID_REQUEST)`` for a call that is forced and cannot be made."""
    if choice is None:
        return None
    names = {tool.function.name for tool in offered}
    match choice.type:
        case "tool":
            if choice.name not in names:
                raise _impossible(f"there is no tool named {choice.name[:80]!r}")
            return NamedChoice(function=NamedFunction(name=choice.name))
        case "any":
            if not names:
                raise _impossible("there is no tool to call")
            return "required"
        case "none":
            return "none" if names else None
        case "auto":
            return "auto" if names else None


def _impossible(detail: str) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, f"tool_choice: {detail}", param="tool_choice")
