"""Messages of a chat as turns, in the order and the shape that the Messages API insists on.

Users and assistants take turns and a user begins. Each call is answered in the turn that follows it, once, before any
other words; a call that nobody answered is answered here, and an answer that nobody asked for is the user's words.
What the system says goes above the conversation, also where it was said late, in order: every server takes that.
Where the model knows late words (``late_system``), they stay behind the user's turn they belong to, and the server's
cache of all before them holds. Thoughts go back with their signatures only: servers refuse others.
"""

from collections.abc import Sequence
from typing import Literal

from backends.translate.anthropic.output import input_of
from backends.translate.chat_body import Notes
from backends.translate.claude.asked import Said
from backends.translate.claude.call_ids import CallIds
from backends.translate.claude.contents import blocks_of, texts_of, thoughts_of
from backends.translate.responses.names import ToolNames
from backends.wire.anthropic_request import (
    Block,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    UserBlock,
)
from backends.wire.openai_chat import FunctionCall

WORDLESS = "(no words)"
"""Where the user must say something and said nothing: the API refuses blanks."""
UNANSWERED = "This call was not answered."


class _Turn:
    """What one side says until the other does. ``results`` by the id of the call; ``late`` is the system's."""

    def __init__(self, role: Literal["user", "assistant"]) -> None:
        self.role: Literal["user", "assistant"] = role
        self.blocks: list[Text | Thinking | RedactedThinking | UserBlock] = []
        self.calls: list[ToolUse] = []
        self.results: dict[str, list[UserBlock]] = {}
        self.late: list[Text] = []


class Conversation:
    """Call ``add`` for each message in order, then ``finish``."""

    def __init__(self, names: ToolNames, notes: Notes, *, late_system: bool) -> None:
        self._names, self._notes, self._late_system = names, notes, late_system
        self._ids = CallIds()
        self._turns: list[_Turn] = []
        self._system: list[Text] = []

    def add(self, said: Said, place: str) -> None:
        """Raises ``BackendError(INVALID_REQUEST)`` for a part that cannot be told."""
        where = f"{place}.content"
        match said.role:
            case "system" | "developer":
                self._spoken(texts_of(said, where), place)
            case "user":
                self._turn("user").blocks += blocks_of(said, where)
            case "assistant":
                self._assistant(said, where)
            case "tool" | "function":
                self._result(said, place)

    def finish(self) -> tuple[list[Text], list[Message]]:
        """The system's words and the turns."""
        if self._turns and self._turns[-1].calls:
            self._turns.append(_Turn("user"))
        if not self._turns or self._turns[0].role == "assistant":
            self._turns.insert(0, _Turn("user"))
        messages: list[Message] = []
        calls: Sequence[ToolUse] = ()
        for turn in self._turns:
            content: list[Block] = [*self._results(turn, calls), *turn.blocks, *turn.calls]
            messages.append(Message(role=turn.role, content=content or [Text(text=WORDLESS)]))
            if turn.late:
                messages.append(Message(role="system", content=[*turn.late]))
            calls = turn.calls
        return self._system, _without_end_of_blanks(messages)

    def _turn(self, role: Literal["user", "assistant"]) -> _Turn:
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        return self._turns[-1]

    def _spoken(self, texts: list[Text], place: str) -> None:
        if not self._turns:
            self._system += texts
        elif self._late_system:
            self._turn("user").late += texts
        else:
            self._system += texts
            self._notes.add(place, "the system's late words stand above the conversation")

    def _assistant(self, said: Said, where: str) -> None:
        words = texts_of(said, where)
        calls: list[tuple[str, FunctionCall]] = [(call.id or "", call.function) for call in said.tool_calls or ()]
        if said.function_call is not None:
            calls.append((f"function {said.function_call.name}", said.function_call))
        if not words and not calls:
            return  # thoughts alone are no turn
        turn = self._turn("assistant")
        if not turn.calls:
            self._ids.answered_all()
        thoughts = thoughts_of(said.reasoning_details or ())
        if said.reasoning_content and not thoughts:
            self._notes.add(f"{where.removesuffix('content')}reasoning_content", "unsigned; left out")
        turn.blocks += [*thoughts, *words]
        for given, function in calls:
            name = self._names.flat(function.name or "unnamed")
            turn.calls.append(ToolUse(id=self._ids.of_call(given), name=name, input=input_of(function.arguments)))

    def _result(self, said: Said, place: str) -> None:
        given = said.tool_call_id or (f"function {said.name}" if said.role == "function" else "")
        blocks = blocks_of(said, f"{place}.content")
        call_id = self._ids.of_result(given)
        turn = self._turn("user")
        if call_id is None:
            self._notes.add(place, "answers no call of the turn before; told as the user's words")
            turn.blocks += [Text(text=f"Result of {given[:64]}:"), *blocks]
        else:
            turn.results.setdefault(call_id, []).extend(blocks)

    def _results(self, turn: _Turn, calls: Sequence[ToolUse]) -> list[ToolResult]:
        results = [ToolResult(tool_use_id=call_id, content=[*blocks]) for call_id, blocks in turn.results.items()]
        for call in calls:
            if call.id not in turn.results:
                self._notes.add("messages", f"call {call.id[:64]} was not answered; told so")
                results.append(ToolResult(tool_use_id=call.id, content=[Text(text=UNANSWERED)], is_error=True))
        return results


def _without_end_of_blanks(messages: list[Message]) -> list[Message]:
    """The last words of the assistant's are gone on with, and the API refuses such that end in white space."""
    last = messages[-1]
    end = last.content[-1]
    if last.role == "assistant" and isinstance(end, Text):
        kept = Text(text=end.text.rstrip(), cache_control=end.cache_control)
        return [*messages[:-1], Message(role="assistant", content=[*last.content[:-1], kept])]
    return messages
