"""A chat stream as the events of a streamed Message, in order.

One block is open at a time and each has an index of its own. Backends mix the pieces of parallel calls: those of later
calls wait until the one before is whole, so that none is lost. How the stream was cut changes nothing.
"""

from typing import Literal

from msgspec import Raw

from backends.translate.anthropic.growing_calls import GrowingCalls
from backends.translate.anthropic.output import NOTHING_ASKED, SIGNATURE, Asked, ending, usage_of
from backends.translate.chat_answer import Answer, Said, Usage
from backends.wire import anthropic_reply as on

Events = list[on.Event]
Spoken = Literal["text", "thinking"]


class MessageStream:
    """Call ``start`` first, ``feed`` with each chunk, then ``finish`` or ``fail``; ``waiting`` at any time."""

    def __init__(self, message_id: str, model: str, asked: Asked = NOTHING_ASKED) -> None:
        self._message_id, self._model, self._asked = message_id, model, asked
        self._open: Literal["text", "thinking", "call"] | None = None
        self._index = -1
        self._calls = GrowingCalls()
        self._later: list[tuple[Spoken, str]] = []
        self._finish_reason: str | None = None
        self._matched: str | None = None
        self._usage: Usage | None = None

    def start(self) -> Events:
        """The first event, and a sign of life."""
        return [on.MessageStart(message=on.Message(id=self._message_id, model=self._model, content=[])), on.Ping()]

    def waiting(self) -> Events:
        """A sign of life; clients accept it before the first event, too."""
        return [on.Ping()]

    def feed(self, chunk: Answer) -> Events:
        """What the next chunk tells."""
        self._usage = chunk.usage or self._usage
        choice = chunk.first()
        if choice is None:
            return []
        self._finish_reason = choice.finish_reason or self._finish_reason
        self._matched = choice.matched() or self._matched
        return [] if choice.delta is None else self._said(choice.delta)

    def finish(self) -> Events:
        """The stream ended as it should."""
        ended = ending(self._finish_reason, self._matched, self._usage, self._asked, called=bool(self._calls))
        return [
            *self._tell_calls(last=True),
            *self._speak_later(),
            *self._close(),
            on.MessageDelta(delta=ended, usage=usage_of(self._usage)),
            on.MessageStop(),
        ]

    def fail(self, kind: str, message: str) -> Events:
        """The last event of one that broke."""
        return [on.error_event(kind, message)]

    def _said(self, delta: Said) -> Events:
        told: Events = []
        spoken: tuple[tuple[Spoken, str], ...] = (("thinking", delta.thought()), ("text", delta.words()))
        for kind, text in spoken:
            if text and self._calls.settled:
                told += self._tell_calls(last=True) + self._speak(kind, text)
            elif text:
                self._later.append((kind, text))  # a call is told to its end first
        if not delta.tool_calls:
            return told
        for piece in delta.tool_calls:
            self._calls.take(piece)
        told += self._tell_calls(last=False)
        if self._later and self._calls.settled:
            told += self._tell_calls(last=True) + self._speak_later()
        return told

    def _speak(self, kind: Spoken, text: str) -> Events:
        if kind == "thinking":
            told = self._turn_to(kind, on.Thinking(thinking="", signature=""))
            return [*told, on.BlockDelta(index=self._index, delta=on.ThinkingDelta(thinking=text))]
        told = self._turn_to(kind, on.Text(text=""))
        return [*told, on.BlockDelta(index=self._index, delta=on.TextDelta(text=text))]

    def _speak_later(self) -> Events:
        waited, self._later = self._later, []
        return [event for kind, text in waited for event in self._speak(kind, text)]

    def _tell_calls(self, *, last: bool) -> Events:
        """The first that is not told to its end; a later one once that is whole. ``last``: all."""
        told: Events = []
        while (call := self._calls.current) is not None:
            if self._open != "call" and (call.name or last):
                given = self._asked.call_id(call.id, f"{self._message_id}_{self._calls.told}")
                told += self._turn_to("call", on.ToolUse(id=given, name=call.name, input=Raw(b"{}")))
            over = last or self._calls.over
            if self._open == "call" and (text := call.ready(last=over)):
                told.append(on.BlockDelta(index=self._index, delta=on.InputDelta(partial_json=text)))
            if not over:
                break
            told += self._close()
            self._calls.told += 1
        return told

    def _turn_to(self, kind: Literal["text", "thinking", "call"], block: on.Block) -> Events:
        if self._open == kind and kind != "call":
            return []
        told = self._close()
        self._open = kind
        self._index += 1
        return [*told, on.BlockStart(index=self._index, content_block=block)]

    def _close(self) -> Events:
        if self._open is None:
            return []
        signed = self._open == "thinking"
        self._open = None
        signature = [on.BlockDelta(index=self._index, delta=on.SignatureDelta(signature=SIGNATURE))] if signed else []
        return [*signature, on.BlockStop(index=self._index)]
