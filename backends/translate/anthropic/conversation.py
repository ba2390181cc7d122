"""Messages as chat keeps them: results of tools before the words that come with them, pictures where users have them.

What was said before is rendered the same way in every turn.
"""

from backends.errors import BackendError, Cause
from backends.translate.anthropic.system import spoken, system_text
from backends.translate.chat_body import ChatMessage, Notes
from backends.wire.anthropic_messages import Block, Message, Source
from backends.wire.openai_chat import FunctionCall, ImagePart, ImageUrl, Part, TextPart, ToolCall
from backends.wire.openai_chat import Message as Said

_ERROR = "Error: "
_IGNORED = frozenset({"redacted_thinking", "server_tool_use", "web_search_tool_result", "container_upload"})


class Conversation:
    """``referenced``: tools that results have named."""

    def __init__(self, system: str, notes: Notes) -> None:
        self.referenced: set[str] = set()
        self._messages: list[ChatMessage] = [ChatMessage(role="system", content=system)] if system else []
        self._notes = notes

    def add(self, message: Message, place: str) -> None:
        """Raises ``BackendError(INVALID_REQUEST)`` for a document or picture that cannot be told."""
        if message.role == "system":
            text = system_text(message.content)
            if text:
                self._say([TextPart(text=spoken(text))])
            return
        blocks = [Block(type="text", text=message.content)] if isinstance(message.content, str) else message.content
        if message.role == "assistant":
            self._assistant(blocks)
        else:
            self._user(blocks, place)

    def finish(self) -> list[Said]:
        """All of them. One that only held what is left out is an empty word of the user's."""
        if not any(message.role != "system" for message in self._messages):
            self._messages.append(ChatMessage(role="user", content=""))
        return list(self._messages)

    def _assistant(self, blocks: list[Block]) -> None:
        words = [block.text for block in blocks if block.type == "text" and block.text]
        thoughts = [block.thinking for block in blocks if block.type == "thinking" and block.thinking]
        calls = [
            ToolCall(id=block.id, function=FunctionCall(name=block.name, arguments=bytes(block.input).decode()))
            for block in blocks
            if block.type == "tool_use"
        ]
        if words or thoughts or calls:
            self._messages.append(
                ChatMessage(
                    role="assistant",
                    content="\n".join(words) if words else None if calls else "",
                    tool_calls=calls or None,
                    reasoning_content="\n".join(thoughts) or None,
                )
            )

    def _user(self, blocks: list[Block], place: str) -> None:
        said: list[Part] = []
        for index, block in enumerate(blocks):
            where = f"{place}.content[{index}]"
            if block.type == "tool_result":
                said = [*self._result(block, where), *said]
        said += [part for index, block in enumerate(blocks) for part in self._part(block, f"{place}.content[{index}]")]
        if said:
            self._say(said)

    def _result(self, block: Block, place: str) -> list[Part]:
        """Its text answers the call; its pictures follow as the user's."""
        given = block.content
        inner = [Block(type="text", text=given)] if isinstance(given, str) else given or []
        pictures: list[Part] = []
        words: list[str] = []
        for index, each in enumerate(inner):
            if each.type == "tool_reference":
                self.referenced.add(each.tool_name)
                words.append(f"The tool {each.tool_name} is available now.")
            for part in self._part(each, f"{place}.content[{index}]"):
                if isinstance(part, TextPart):
                    words.append(part.text)
                else:
                    pictures.append(part)
        text = (_ERROR if block.is_error else "") + "\n".join(words)
        self._messages.append(ChatMessage(role="tool", tool_call_id=block.tool_use_id or "call", content=text))
        return pictures

    def _part(self, block: Block, place: str) -> list[Part]:
        match block.type:
            case "text":
                return [TextPart(text=block.text)] if block.text else []
            case "image":
                return [ImagePart(image_url=ImageUrl(url=_picture(block.source, place)))]
            case "document" | "search_result":
                return [TextPart(text=_document(block, place))]
            case "tool_result" | "tool_reference":
                return []
            case kind:
                if kind not in _IGNORED:
                    self._notes.add(place, f"{kind[:40]} is not known here; left out")
                return []

    def _say(self, parts: list[Part]) -> None:
        """Words of the user's that follow his own are one message: templates want turns."""
        last = self._messages[-1] if self._messages else None
        if last is not None and last.role == "user":
            before = [TextPart(text=last.content)] if isinstance(last.content, str) else list(last.content or ())
            parts = [*before, *parts]
            self._messages.pop()
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        whole = "\n\n".join(texts) if len(texts) == len(parts) else parts
        self._messages.append(ChatMessage(role="user", content=whole))


def _picture(source: Source | None, place: str) -> str:
    if source is not None and source.type == "base64" and source.data:
        return f"data:{source.media_type or 'image/png'};base64,{source.data}"
    if source is not None and source.type == "url" and source.url:
        return source.url
    raise BackendError(
        Cause.INVALID_REQUEST, f"{place}: a picture comes as base64 or as a url; no files are kept", param=place
    )


def _document(block: Block, place: str) -> str:
    source = block.source
    title = f"{block.title}\n" if block.title else ""
    if source is None:  # a search result has its text in its content
        return title + _text_of(block.content)
    if source.type == "text":
        return title + source.data
    if source.type == "content":
        return title + _text_of(source.content)
    raise BackendError(
        Cause.INVALID_REQUEST,
        f"{place}: only documents of text can be read here; send a PDF's text instead",
        param=place,
    )


def _text_of(content: str | list[Block] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(block.text for block in content if block.type == "text")
