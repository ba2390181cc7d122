"""Tools and tool choice: from the Responses dialect to functions of chat.

Groups become flat names, free-text tools become functions of one string. Tools that a server would have to run are
left out and noted: as functions without parameters they would only mislead the model. Order is kept.
"""

from typing import Literal

from msgspec import Raw, Struct

from backends.errors import BackendError, Cause
from backends.translate.chat_body import ChatFunction, Notes
from backends.translate.responses.names import Target, ToolNames
from backends.wire.decode import decode
from backends.wire.openai_chat import NamedChoice, NamedFunction, Tool
from backends.wire.openai_responses import ToolChoice
from backends.wire.openai_responses_items import TOOLS, CustomTool, FunctionTool, NamespaceTool, kind
from backends.wire.openai_sampling import refuse

INPUT = "input"
_NO_PARAMETERS: dict[str, object] = {"type": "object", "properties": {}}
Choice = Literal["none", "auto", "required"] | NamedChoice


class Offer(Struct, frozen=True, kw_only=True):
    """The functions a model is offered, and the way back from their names."""

    tools: list[Tool]
    names: ToolNames


def offer(raw_tools: list[Raw], notes: Notes) -> Offer:
    """Raises ``BackendError(INVALID_REQUEST)`` with ``param`` for a tool of a known kind in a wrong shape."""
    declared: list[tuple[Target, FunctionTool | CustomTool]] = []
    for index, raw in enumerate(raw_tools):
        place = f"tools[{index}]"
        declared += _declared(raw, place, notes)
    names = ToolNames([target for target, _ in declared])
    tools: list[Tool] = []
    seen: set[str] = set()
    for target, tool in declared:
        flat = names.flat(target.name, target.namespace)
        if flat in seen:
            notes.add("tools", f"{target.name} is declared twice; the first one counts")
            continue
        seen.add(flat)
        tools.append(Tool(function=_function(flat, tool)))
    return Offer(tools=tools, names=names)


def choose(choice: str | ToolChoice | None, offered: Offer, notes: Notes) -> tuple[list[Tool], Choice | None]:
    """The tools that may be called and the choice in chat's words.

    Raises ``BackendError(INVALID_REQUEST)`` when a call is demanded that nothing offered can answer.
    """
    tools = offered.tools
    if isinstance(choice, ToolChoice) and choice.type == "allowed_tools":
        allowed = {_named(one, offered.names) for one in choice.tools or ()}
        tools = [tool for tool in tools if tool.function.name in allowed]
        choice = choice.mode or "auto"
    if not isinstance(choice, ToolChoice):
        if choice == "required" and not tools:
            raise refuse("tool_choice", "'required' needs at least one tool that this server can offer")
        mode: Choice | None = choice if choice in ("none", "auto", "required") else None
        return tools, (mode if tools else None)
    if choice.type not in ("function", "custom"):
        notes.add("tool_choice", f"{choice.type} cannot be chosen here; the model decides")
        return tools, ("auto" if tools else None)
    flat = _named(choice, offered.names)
    if flat is None:
        raise refuse("tool_choice", f"there is no tool named {choice.name!r}")
    return tools, NamedChoice(function=NamedFunction(name=flat))


def _named(choice: ToolChoice, names: ToolNames) -> str | None:
    if choice.namespace is None:
        return names.find(choice.name or "")
    flat = names.flat(choice.name or "", choice.namespace)
    return flat if names.offers(flat) else None


def _declared(
    raw: Raw, place: str, notes: Notes, namespace: str | None = None
) -> list[tuple[Target, FunctionTool | CustomTool]]:
    found = at(place, raw)
    wanted = TOOLS.get(found)
    if wanted is None:
        notes.add(place, f"{found or 'a tool without a type'} is a tool of another server; left out")
        return []
    try:
        tool = decode(bytes(raw), wanted)
    except BackendError as error:
        raise within(place, error) from None
    if isinstance(tool, NamespaceTool):
        members: list[tuple[Target, FunctionTool | CustomTool]] = []
        for index, member in enumerate(tool.tools):
            members += _declared(member, f"{place}.tools[{index}]", notes, tool.name)
        return members
    custom = isinstance(tool, CustomTool)
    return [(Target(name=tool.name, namespace=namespace, kind="custom" if custom else "function"), tool)]


def _function(flat: str, tool: FunctionTool | CustomTool) -> ChatFunction:
    if isinstance(tool, FunctionTool):
        parameters = tool.parameters or _NO_PARAMETERS
        return ChatFunction(name=flat, description=tool.description, parameters=parameters, strict=tool.strict)
    what = "The whole input of the tool, as free text."
    if tool.format is not None and tool.format.definition:
        what += f" It follows this {tool.format.syntax or ''} grammar:\n{tool.format.definition}"
    parameters: dict[str, object] = {
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": what}},
        "required": [INPUT],
        "additionalProperties": False,
    }
    return ChatFunction(name=flat, description=tool.description, parameters=parameters)


def at(place: str, raw: Raw, default: str = "") -> str:
    """The ``type`` of a raw value that stands at ``place``."""
    try:
        return kind(raw, default)
    except BackendError as error:
        raise within(place, error) from None


def within(place: str, error: BackendError) -> BackendError:
    """The same refusal, its field named from the top of the body."""
    param = f"{place}.{error.param}" if error.param else place
    reason = error.detail.removeprefix(f"{error.param}: ") if error.param else error.detail
    return BackendError(Cause.INVALID_REQUEST, f"{param}: {reason}", param=param)
