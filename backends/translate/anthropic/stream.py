"""A chat stream as the events of a streamed Message, in order.

One block is open at a time and each has an index of its own. Backends mix the pieces of parallel calls: those of later
calls wait until the one before is whole, so that none is lost. How the stream was cut changes nothing.
"""

from typing import Literal

from msgspec import Raw

from backends.translate.anthropic.output import SIGNATURE, stop_reason, usage_of
from backends.translate.chat_answer import Answer, Call, Said, Usage
from backends.translate.tool_calls.json_scan import JsonScan
from backends.wire import anthropic_reply as on

Events = list[on.Event]
Spoken = Literal["text", "thinking"]


class _Growing:
    """A call of the stream."""

    def __init__(self, index: int | None, call_id: str, name: str) -> None:
        self.index, self.id, self.name = index, call_id, name
        self.waiting: list[str] = []
        self._scan = JsonScan()

    def take(self, text: str) -> None:
        self.waiting.append(text)
        for char in text:
            if self._scan.state != "open" or not self._scan.take(char):
                break

    @property
    def whole(self) -> bool:
        """Its object has ended: what follows belongs to another call."""
        return self._scan.state == "done"


class MessageStream:
    """Call ``start`` first, ``feed`` with each chunk, then ``finish`` or ``fail``; ``waiting`` at any time."""

    def __init__(self, message_id: str, model: str) -> None:
        self._message_id, self._model = message_id, model
        self._open: Literal["text", "thinking", "call"] | None = None
        self._index = -1
        self._calls: list[_Growing] = []
        self._told = 0
        self._later: list[tuple[Spoken, str]] = []
        self._finish_reason: str | None = None
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
        return [] if choice.delta is None else self._said(choice.delta)

    def finish(self) -> Events:
        """The stream ended as it should."""
        reason = stop_reason(self._finish_reason, called=bool(self._calls))
        return [
            *self._tell_calls(last=True),
            *self._speak_later(),
            *self._close(),
            on.MessageDelta(delta=on.Ended(stop_reason=reason), usage=usage_of(self._usage)),
            on.MessageStop(),
        ]

    def fail(self, kind: str, message: str) -> Events:
        """The last event of one that broke."""
        return [on.error_event(kind, message)]

    def _said(self, delta: Said) -> Events:
        told: Events = []
        spoken: tuple[tuple[Spoken, str], ...] = (
            ("thinking", delta.thought()),
            ("text", delta.content or delta.refusal or ""),
        )
        for kind, text in spoken:
            if text and all(call.whole for call in self._calls):
                told += self._tell_calls(last=True) + self._speak(kind, text)
            elif text:
                self._later.append((kind, text))  # a call is told to its end first
        for piece in delta.tool_calls or ():
            self._grow(piece)
        told += self._tell_calls(last=False)
        if self._later and all(call.whole for call in self._calls):
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

    def _grow(self, piece: Call) -> None:
        name = (piece.function.name if piece.function else None) or ""
        call = self._of(piece, name)
        call.name = call.name or name
        call.id = call.id or piece.id or ""
        call.take((piece.function.arguments if piece.function else None) or "")

    def _of(self, piece: Call, name: str) -> _Growing:
        """Backends number calls, or tell them apart by their ids only."""
        if piece.index is not None:
            known = next((call for call in reversed(self._calls) if call.index == piece.index), None)
            another = known is not None and name and piece.id and known.id and piece.id != known.id
        else:
            known = next((call for call in self._calls if piece.id and call.id == piece.id), None)
            if known is None and not name and self._calls:
                known = self._calls[-1]
            another = False
        if known is None or another:
            known = _Growing(piece.index, piece.id or "", name)
            self._calls.append(known)
        return known

    def _tell_calls(self, *, last: bool) -> Events:
        """The first that is not told to its end; a later one once that is whole. ``last``: all."""
        told: Events = []
        while self._told < len(self._calls):
            call = self._calls[self._told]
            if call.name and self._open != "call":
                given = call.id or f"{self._message_id}_{self._told}"
                told += self._turn_to("call", on.ToolUse(id=given, name=call.name, input=Raw(b"{}")))
            if self._open == "call":
                if text := "".join(call.waiting):
                    told.append(on.BlockDelta(index=self._index, delta=on.InputDelta(partial_json=text)))
                call.waiting.clear()
            if not last and not (call.whole and self._told + 1 < len(self._calls)):
                return told
            told += self._close() if self._open == "call" else []
            self._told += 1
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
