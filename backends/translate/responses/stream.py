"""A chat stream as the events of a streamed Response, in order.

Reasoning and text are told one after the other; calls grow side by side and end together, because backends mix their
pieces: each keeps its place, none is lost. How the stream was cut into chunks changes no item. The plain answer to the
same words (``reply.to_response``) equals the Response of the last event.
"""

from backends.errors import BackendError
from backends.translate.chat_answer import Answer, Call, Choice, Usage
from backends.translate.responses.names import ToolNames
from backends.translate.responses.open_calls import OpenCall, Slot, Slots
from backends.translate.responses.open_items import Message, Numbers, OpenItem, Reasoning
from backends.translate.responses.output import cut_short, error_code, failed, finished, text_logprobs
from backends.wire import openai_responses_events as on
from backends.wire.openai_responses_reply import ItemStatus, OutputItem, Response

Events = list[on.Event]


class ResponseStream:
    """``begun`` is what ``reply.begin`` made; ``summarised`` as in ``reply.to_response``.

    Call ``start`` first, ``feed`` with each chunk, then ``finish`` or ``fail``. ``waiting`` at any time between.
    """

    def __init__(self, begun: Response, names: ToolNames, *, summarised: bool) -> None:
        self._begun, self._names, self._summarised = begun, names, summarised
        self._numbers = Numbers()
        self._started = False
        self._items: list[OpenItem] = []
        self._done: dict[int, OutputItem] = {}
        self._current: Reasoning | Message | None = None
        self._slots = Slots()
        self._finish_reason: str | None = None
        self._usage: Usage | None = None

    def start(self) -> Events:
        """The first events; a client may see them long before there is an answer."""
        self._started = True
        return [on.Created(sequence_number=self._numbers.take(), response=self._begun), *self.waiting()]

    def waiting(self) -> Events:
        """A sign of life that clients count, unlike comments."""
        return [on.InProgress(sequence_number=self._numbers.take(), response=self._begun)]

    def feed(self, chunk: Answer) -> Events:
        """What the next chunk tells; nothing where it only repeats or keeps the connection alive."""
        self._usage = chunk.usage or self._usage
        choice = chunk.first()
        if choice is None:
            return []
        self._finish_reason = choice.finish_reason or self._finish_reason
        return self._told(choice)

    def finish(self, completed_at: int) -> Events:
        """The stream ended as it should: its terminator came. ``completed_at`` in Unix seconds."""
        told: Events = []
        for slot in self._slots.all:
            told += self._open(slot) if slot.open is None else []
        cut = cut_short(self._finish_reason) is not None
        last = len(self._items) - 1
        for index in range(len(self._items)):
            told += self._end(index, "incomplete" if cut and index == last else "completed")
        response = finished(self._begun, self._output(), self._finish_reason, self._usage, completed_at)
        end = on.Incomplete if cut else on.Completed
        return [*told, end(sequence_number=self._numbers.take(), response=response)]

    def fail(self, error: BackendError) -> Events:
        """The last event of a stream that broke. Open calls are not said to be done: clients would run them."""
        number = self._numbers.take()
        if not self._started:
            code = error_code(error)
            return [on.ErrorEvent(sequence_number=number, message=error.detail, code=code, param=error.param)]
        return [on.Failed(sequence_number=number, response=failed(self._begun, self._output(), error))]

    def _told(self, choice: Choice) -> Events:
        delta = choice.delta
        if delta is None:
            return []
        told: Events = []
        if thought := delta.thought():
            told += self._think(thought)
        if delta.content or delta.refusal:
            message = self._current if isinstance(self._current, Message) else None
            if message is None:
                message = Message(self._begun.id, len(self._items), self._numbers)
                told += self._turn_to(message) + message.begin()
            if delta.content:
                told += message.say(delta.content, text_logprobs(choice.logprobs))
            if delta.refusal:
                told += message.refuse(delta.refusal)
        for piece in delta.tool_calls or ():
            told += self._grow_call(piece)
        return told

    def _think(self, thought: str) -> Events:
        if isinstance(self._current, Reasoning):
            return self._current.grow(thought)
        reasoning = Reasoning(self._begun.id, len(self._items), self._numbers, summarised=self._summarised)
        return self._turn_to(reasoning) + reasoning.begin() + reasoning.grow(thought)

    def _turn_to(self, item: Reasoning | Message) -> Events:
        told = self._end_current()
        self._items.append(item)
        self._current = item
        return told

    def _end_current(self) -> Events:
        if self._current is None:
            return []
        index = self._items.index(self._current)
        self._current = None
        return self._end(index, "completed")

    def _end(self, index: int, status: ItemStatus) -> Events:
        if index in self._done:
            return []
        told = self._items[index].end(status)
        self._done[index] = self._items[index].item(status)
        return told

    def _grow_call(self, piece: Call) -> Events:
        slot = self._slots.of(piece)
        arguments = (piece.function.arguments if piece.function else None) or ""
        if slot.open is not None:
            return slot.open.grow(arguments)
        slot.waiting.append(arguments)
        slot.name = (piece.function.name if piece.function else None) or ""
        return self._open(slot) if slot.name else []

    def _open(self, slot: Slot) -> Events:
        told = self._end_current()
        place = (self._begun.id, len(self._items), self._numbers, self._names)
        slot.open = OpenCall(*place, call_id=slot.call_id, name=slot.name)
        self._items.append(slot.open)
        return told + slot.open.begin() + slot.open.grow("".join(slot.waiting))

    def _output(self) -> list[OutputItem]:
        return [self._done.get(index) or item.item("incomplete") for index, item in enumerate(self._items)]
