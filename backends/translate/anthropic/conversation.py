"""Messages as chat keeps them: results of tools before the words that come with them, pictures where users have them.

What was said before is rendered the same way in every turn.
"""

from backends.translate.anthropic.contents import blocks_of, note_unknown, part_of
from backends.translate.anthropic.output import arguments_of
from backends.translate.anthropic.system import spoken, system_text
from backends.translate.anthropic.tools import Change
from backends.translate.chat_body import RESULT_FOLLOWS, UNSEEN, ChatMessage, Notes, shown_by
from backends.wire.anthropic_messages import Block, Message, Tool, ToolChange
from backends.wire.openai_chat import FunctionCall, Part, TextPart, ToolCall
from backends.wire.openai_chat import Message as Said

_ERROR = "Error: "


class Conversation:
    """``changes``: what became of tools on the way, in order. ``sees``: the model reads pictures."""

    def __init__(self, system: str, notes: Notes, *, sees: bool = True) -> None:
        self._sees = sees
        self.changes: list[Change] = []
        self._leading = [system] if system else []
        self._messages: list[ChatMessage] = []
        self._notes = notes

    def add(self, message: Message, place: str, *, cleared: bool = False) -> None:
        """``cleared``: what the system says there counts no more.

        Raises ``BackendError(INVALID_REQUEST)`` for a document or picture that cannot be told.
        """
        match message.role:
            case "system":
                self._system(message, place, cleared=cleared)
            case "assistant":
                self._assistant(blocks_of(message.content), place)
            case "user":
                self._user(blocks_of(message.content), place)

    def finish(self) -> list[Said]:
        """All of them. One that only held what is left out is an empty word of the user's."""
        said: list[Said] = [ChatMessage(role="system", content="\n\n".join(self._leading))] if self._leading else []
        return said + (self._messages or [ChatMessage(role="user", content="")])

    def _system(self, message: Message, place: str, *, cleared: bool) -> None:
        for index, block in enumerate(blocks_of(message.content)):
            where = f"{place}.content[{index}]"
            if not self._change(block, where) and block.type != "text":
                note_unknown(block.type, where, self._notes)
        text = "" if cleared else system_text(message.content)
        if text and not self._messages:
            self._leading.append(text)
        elif text:
            self._say([TextPart(text=spoken(text))])

    def _change(self, block: Block, place: str) -> bool:
        """Whether the block adds or removes a tool."""
        if block.type not in ("tool_addition", "tool_removal"):
            return False
        removed = block.type == "tool_removal"
        match block.tool:
            case ToolChange(type="tool_reference", name=name):
                self.changes.append(Change(name=name, place=place, removed=removed))
            case ToolChange(type="tool_definition", definition=Tool() as tool) if not removed:
                self.changes.append(Change(name=tool.name, place=f"{place}.tool", tool=tool))
            case change:
                self._notes.add(place, f"{change.type[:40] if change else 'no tool'} is not known here; left out")
        return True

    def _assistant(self, blocks: list[Block], place: str) -> None:
        """Its words in one piece: where a stream was cut into blocks, the model said nothing between them."""
        words: list[str] = []
        thoughts: list[str] = []
        calls: list[ToolCall] = []
        for index, block in enumerate(blocks):
            match block.type:
                case "text":
                    words.append(block.text)
                case "thinking":
                    thoughts.append(block.thinking)
                case "tool_use":
                    function = FunctionCall(name=block.name, arguments=arguments_of(block.input))
                    calls.append(ToolCall(id=block.id, function=function))
                case "compaction":
                    words.append(block.content if isinstance(block.content, str) else "")
                    for number, change in enumerate(block.tool_changes or ()):
                        self._change(change, f"{place}.content[{index}].tool_changes[{number}]")
                case kind:
                    note_unknown(kind, f"{place}.content[{index}]", self._notes)
        self._answer("".join(words), "".join(thoughts), calls)

    def _answer(self, words: str, thoughts: str, calls: list[ToolCall]) -> None:
        """Turns of the assistant's that follow each other are one: templates want them to alternate."""
        if not (words or thoughts or calls):
            return
        if self._messages and self._messages[-1].role == "assistant":
            before = self._messages.pop()
            words = "\n".join(each for each in (before.text(), words) if each)
            thoughts = "\n".join(each for each in (before.reasoning_content, thoughts) if each)
            calls = [*(before.tool_calls or ()), *calls]
        content = words or (None if calls else "")
        self._messages.append(
            ChatMessage(
                role="assistant", content=content, tool_calls=calls or None, reasoning_content=thoughts or None
            )
        )  # fmt: skip

    def _user(self, blocks: list[Block], place: str) -> None:
        placed = [(block, f"{place}.content[{index}]") for index, block in enumerate(blocks)]
        said = [
            part for block, where in placed if block.type == "tool_result" for part in self._result(block, where)
        ]  # fmt: skip
        for block, where in placed:
            self._change(block, where)
        said += [part for block, where in placed if (part := part_of(block, where, self._notes)) is not None]
        if said:
            self._say(said)

    def _result(self, block: Block, place: str) -> list[Part]:
        """Its text answers the call; its pictures follow as the user's."""
        pictures: list[Part] = []
        words: list[str] = []
        for index, each in enumerate(blocks_of(block.content)):
            where = f"{place}.content[{index}]"
            if each.type == "tool_reference":
                self.changes.append(Change(name=each.tool_name, place=where))
                words.append(f"The tool {each.tool_name} is available now.")
            part = part_of(each, where, self._notes)
            if isinstance(part, TextPart):
                words.append(part.text)
            elif part is not None and self._sees:
                pictures.append(part)
            elif part is not None:
                words.append(UNSEEN)
                self._notes.add(where, "the model reads no pictures; told so")
        call_id = block.tool_use_id or "call"
        text = "\n".join(words) or (RESULT_FOLLOWS if pictures else "")
        content = _ERROR + text if block.is_error else text
        self._messages.append(ChatMessage(role="tool", tool_call_id=call_id, content=content))
        return [TextPart(text=shown_by(call_id)), *pictures] if pictures else []

    def _say(self, parts: list[Part]) -> None:
        """Words of the user's that follow his own are one message: templates want turns."""
        if self._messages and self._messages[-1].role == "user":
            before = self._messages.pop().content
            parts = [*([TextPart(text=before)] if isinstance(before, str) else before or ()), *parts]
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        whole = "\n\n".join(texts) if len(texts) == len(parts) else parts
        self._messages.append(ChatMessage(role="user", content=whole))
