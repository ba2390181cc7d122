"""Items of a Responses request to messages of chat.

What an assistant did in one go (reasoning, text, calls) becomes one message; what tools gave back follows it at once;
pictures among that, and what was said meanwhile, come after. The leading instructions become one system message.
Items at the end change nothing that was rendered before them: engines keep a prompt's prefix.
"""

from typing import Literal

import msgspec
from msgspec import Raw

from backends.errors import BackendError
from backends.translate.chat_body import RESULT_FOLLOWS, UNSEEN, ChatMessage, Notes, shown_by
from backends.translate.responses.contents import media_of, media_part, text_of, user_content
from backends.translate.responses.names import ToolNames
from backends.translate.responses.tools import INPUT, at, within
from backends.wire.decode import decode
from backends.wire.openai_chat import FunctionCall, Message, Part, TextPart, ToolCall
from backends.wire.openai_responses_items import (
    ITEMS,
    CallOutputItem,
    CustomCallItem,
    FunctionCallItem,
    Item,
    MessageItem,
    ReasoningItem,
)
from backends.wire.openai_sampling import refuse

LateSystem = Literal["system", "user"]
_encode = msgspec.json.Encoder().encode


class Conversation:
    """Takes items in their order, gives the messages.

    ``late_system`` says how a later instruction is said, ``sees`` whether the model reads pictures.
    """

    def __init__(
        self,
        instructions: str | None,
        names: ToolNames,
        notes: Notes,
        *,
        late_system: LateSystem = "user",
        sees: bool = True,
    ) -> None:
        self._sees = sees
        self._messages: list[Message] = []
        self._names = names
        self._notes = notes
        self._late_system: LateSystem = late_system
        self._leading = [instructions] if instructions else []
        self._begun = False
        self._reasoning: list[str] = []
        self._said: list[str] = []
        self._calls: list[ToolCall] = []
        self._unanswered: set[str] = set()
        self._pictures: list[Part] = []
        self._later: list[Message] = []

    def add(self, raw: Raw, place: str) -> None:
        """Raises ``BackendError(INVALID_REQUEST)`` with ``param`` for an item of a known kind in a wrong shape."""
        found = at(place, raw, "message")
        wanted = ITEMS.get(found)
        if wanted is None:
            self._notes.add(place, f"{found} has no place in a chat; left out")
            return
        try:
            self._take(decode(bytes(raw), wanted), place)
        except BackendError as error:
            raise (error if (error.param or "").startswith(place) else within(place, error)) from None

    def say(self, text: str) -> None:
        """Plain input: what the user says."""
        self._message(MessageItem(role="user", content=text), "input")

    def finish(self) -> list[Message]:
        """The messages; never none, as a client may warm a model up with nothing at all."""
        self._close_turn()
        self._say_later()
        leading: list[Message] = [ChatMessage(role="system", content="\n\n".join(self._leading))]
        messages = (leading if self._leading else []) + self._messages
        return messages or [ChatMessage(role="user", content="")]

    def _take(self, item: Item, place: str) -> None:
        match item:
            case MessageItem(role="assistant"):
                self._assistant(item)
            case MessageItem():
                self._message(item, place)
            case FunctionCallItem():
                self._call(item.call_id, self._names.flat(item.name, item.namespace), item.arguments)
            case CustomCallItem():
                arguments = _encode({INPUT: item.input}).decode()
                self._call(item.call_id, self._names.flat(item.name, item.namespace), arguments)
            case CallOutputItem():
                self._output(item, place)
            case ReasoningItem():
                self._think(item, place)
            case _:
                raise refuse(place, f"there is no stored item {item.id!r}")

    def _message(self, item: MessageItem, place: str) -> None:
        if item.role != "user" and not self._begun:
            self._leading.append(text_of(item.content))
            return
        self._begun = True
        self._close_turn()
        message = self._heard(item, place)
        if self._unanswered:
            self._later.append(message)
            return
        self._say_later()
        self._messages.append(message)

    def _heard(self, item: MessageItem, place: str) -> Message:
        if item.role == "user":
            return ChatMessage(role="user", content=user_content(item.content, place))
        text = text_of(item.content)
        if self._late_system == "user":
            text = f"<system>\n{text}\n</system>"
        return ChatMessage(role=self._late_system, content=text)

    def _assistant(self, item: MessageItem) -> None:
        self._assist()
        if self._said and not self._calls:
            self._close_turn()
        self._said.append(text_of(item.content, ""))

    def _think(self, item: ReasoningItem, place: str) -> None:
        texts = [part.text for part in (item.content or item.summary or ())]
        if not texts:
            if item.encrypted_content:
                self._notes.add(place, "reasoning that only another service can read; left out")
            return
        self._assist()
        if self._said or self._calls:
            self._close_turn()
        self._reasoning.append("\n\n".join(texts))

    def _call(self, call_id: str, name: str, arguments: str) -> None:
        self._assist()
        self._calls.append(ToolCall(id=call_id, function=FunctionCall(name=name, arguments=arguments)))

    def _output(self, item: CallOutputItem, place: str) -> None:
        self._begun = True
        self._close_turn()
        self._unanswered.discard(item.call_id)
        media = media_of(item.output) if self._sees else []
        text = text_of(item.output) or (RESULT_FOLLOWS if media else "")
        if not self._sees and media_of(item.output):
            text = f"{text}\n{UNSEEN}".lstrip()
            self._notes.add(place, "the model reads no pictures; told so")
        self._messages.append(ChatMessage(role="tool", tool_call_id=item.call_id, content=text))
        if media:
            self._pictures.append(TextPart(text=shown_by(item.call_id)))
            self._pictures += [media_part(part, f"{place}.output") for part in media]

    def _assist(self) -> None:
        """The assistant goes on: whatever was asked of it before has been said."""
        self._begun = True
        self._say_later()

    def _close_turn(self) -> None:
        """End the assistant's message, if one is open. Reasoning alone led to nothing and is not repeated."""
        if self._said or self._calls:
            self._messages.append(
                ChatMessage(
                    role="assistant",
                    content="\n".join(self._said) if self._said else None,
                    tool_calls=self._calls or None,
                    reasoning_content="\n\n".join(self._reasoning) or None,
                )
            )
            self._unanswered = {call.id for call in self._calls if call.id}
        self._reasoning, self._said, self._calls = [], [], []

    def _say_later(self) -> None:
        if self._pictures:
            self._messages.append(ChatMessage(role="user", content=self._pictures))
        self._messages += self._later
        self._pictures, self._later = [], []
        self._unanswered.clear()
