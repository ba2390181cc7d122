"""Tools of a Messages request as chat offers them. Pure.

Engines read the tools before the conversation. Hence their order: first those that were there from the beginning, as
the client gave them, then what came on the way, in the order in which it came; the text of the first never changes.
"""

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from backends.translate.chat_body import ChatFunction, Notes
from backends.wire.anthropic_messages import Tool, ToolChoice
from backends.wire.openai_chat import NamedChoice, NamedFunction
from backends.wire.openai_chat import Tool as ChatTool
from backends.wire.openai_sampling import refuse

Choice = Literal["none", "auto", "required"] | NamedChoice
_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_NO_PARAMETERS: dict[str, object] = {"type": "object", "properties": {}}


class Change(Struct, frozen=True, kw_only=True):
    """What the conversation says at ``place`` of a tool: that it is there from now on, or no longer.

    ``tool`` is its definition where that is new.
    """

    name: str
    place: str
    tool: Tool | None = None
    removed: bool = False


class Offer(Struct, frozen=True, kw_only=True):
    """``elsewhere``: names of tools that only their maker's servers can run."""

    tools: list[ChatTool]
    elsewhere: frozenset[str]


class _Desk:
    """Tools that are ``known``, and those of them that are ``offered``, in order."""

    def __init__(self, notes: Notes) -> None:
        self.known: dict[str, ChatTool] = {}
        self.offered: dict[str, ChatTool] = {}
        self.elsewhere: set[str] = set()
        self._notes = notes

    def declare(self, tool: Tool, place: str) -> None:
        if tool.input_schema is None and tool.type not in (None, "custom"):
            self._notes.add(place, f"{tool.type} runs on its maker's servers only; left out")
            self.elsewhere.add(tool.name)
            return
        if _NAME.fullmatch(tool.name) is None:
            raise refuse(f"{place}.name", "1 to 128 letters, digits and _.:/- are a name")
        function = ChatFunction(
            name=tool.name,
            description=tool.description,
            parameters=tool.input_schema or _NO_PARAMETERS,
            strict=tool.strict,
        )
        declared = ChatTool(function=function)
        if self.offered.get(tool.name, declared) != declared:
            del self.offered[tool.name]
        self.known[tool.name] = declared
        if not tool.defer_loading:
            self.offered.setdefault(tool.name, declared)

    def take(self, change: Change) -> None:
        if change.removed:
            self.offered.pop(change.name, None)
        elif change.tool is not None:
            self.declare(change.tool, f"{change.place}.definition")
        elif change.name in self.known:
            self.offered.setdefault(change.name, self.known[change.name])


def offer(tools: Sequence[Tool], changes: Sequence[Change], notes: Notes) -> Offer:
    """A deferred tool is told once it has been named. Raises ``BackendError(INVALID_REQUEST)`` for a bad name."""
    desk = _Desk(notes)
    for index, tool in enumerate(tools):
        if tool.name in desk.known:
            notes.add(f"tools[{index}]", f"{tool.name} is declared twice; the first one counts")
        else:
            desk.declare(tool, f"tools[{index}]")
    for change in changes:
        desk.take(change)
    return Offer(tools=list(desk.offered.values()), elsewhere=frozenset(desk.elsewhere - desk.offered.keys()))


def choose(choice: ToolChoice | None, offered: Offer, notes: Notes) -> Choice | None:
    """Raises ``BackendError(INVALID_REQUEST)`` for a call that is forced and cannot be made.

    Where it is a server's tool that cannot, the model answers without.
    """
    if choice is None:
        return None
    names = {tool.function.name for tool in offered.tools}
    if choice.type == "tool" and choice.name in names:
        return NamedChoice(function=NamedFunction(name=choice.name))
    if (choice.type == "tool" and choice.name in offered.elsewhere) or (
        choice.type == "any" and not names and offered.elsewhere
    ):
        notes.add("tool_choice", "names what was left out; the model decides")
        return "auto" if names else None
    match choice.type:
        case "tool":
            raise refuse("tool_choice", f"there is no tool named {choice.name[:80]!r}")
        case "any" if not names:
            raise refuse("tool_choice", "there is no tool to call")
        case "any":
            return "required"
        case wanted:
            return wanted if names else None
