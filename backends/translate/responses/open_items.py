"""Items of the output that still grow: each tells what happened to it as events.

An item knows its place and its id; the numbers of events come from the stream's one counter. It never decides when
it begins or ends: ``stream`` does.
"""

from typing import Protocol

from backends.translate.responses.output import item_id, message_item, reasoning_item
from backends.wire import openai_responses_events as on
from backends.wire.openai_responses_items import ReasoningText, Refusal, SummaryText
from backends.wire.openai_responses_reply import ItemStatus, OutputItem, TextLogprob, TextPart


class Numbers:
    """Counts the events of one stream from zero, without a gap."""

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        self._next += 1
        return self._next - 1


class OpenItem(Protocol):
    """One item of the output until it is done."""

    def item(self, status: ItemStatus) -> OutputItem:
        """The item as far as it has grown."""
        ...

    def end(self, status: ItemStatus) -> list[on.Event]:
        """The last events of the item."""
        ...


class Reasoning:
    """What the model thinks, as text or as a summary of one part."""

    def __init__(self, response_id: str, index: int, numbers: Numbers, *, summarised: bool) -> None:
        self._index, self._number, self._summarised = index, numbers.take, summarised
        self._id = item_id("rs", response_id, index)
        self._pieces: list[str] = []

    def item(self, status: ItemStatus) -> OutputItem:
        return reasoning_item(self._id, "".join(self._pieces), summarised=self._summarised, status=status)

    def begin(self) -> list[on.Event]:
        n, name, index = self._number, self._id, self._index
        added = on.ItemAdded(sequence_number=n(), output_index=index, item=self.item("in_progress"))
        if self._summarised:
            part = SummaryText(text="")
            more = on.SummaryPartAdded(
                sequence_number=n(), item_id=name, output_index=index, summary_index=0, part=part
            )
            return [added, more]
        text = ReasoningText(text="")
        return [added, on.PartAdded(sequence_number=n(), item_id=name, output_index=index, content_index=0, part=text)]

    def grow(self, text: str) -> list[on.Event]:
        n, name, index = self._number, self._id, self._index
        self._pieces.append(text)
        if self._summarised:
            return [on.SummaryDelta(sequence_number=n(), item_id=name, output_index=index, summary_index=0, delta=text)]
        return [on.ReasoningDelta(sequence_number=n(), item_id=name, output_index=index, content_index=0, delta=text)]

    def end(self, status: ItemStatus) -> list[on.Event]:
        n, name, index, text = self._number, self._id, self._index, "".join(self._pieces)
        told: list[on.Event]
        if self._summarised:
            part = SummaryText(text=text)
            told = [
                on.SummaryDone(sequence_number=n(), item_id=name, output_index=index, summary_index=0, text=text),
                on.SummaryPartDone(sequence_number=n(), item_id=name, output_index=index, summary_index=0, part=part),
            ]
        else:
            whole = ReasoningText(text=text)
            told = [
                on.ReasoningDone(sequence_number=n(), item_id=name, output_index=index, content_index=0, text=text),
                on.PartDone(sequence_number=n(), item_id=name, output_index=index, content_index=0, part=whole),
            ]
        return [*told, on.ItemDone(sequence_number=n(), output_index=index, item=self.item(status))]


class Message:
    """What the model says: a text, a refusal, or a refusal after a text."""

    def __init__(self, response_id: str, index: int, numbers: Numbers) -> None:
        self._index, self._number = index, numbers.take
        self._id = item_id("msg", response_id, index)
        self._done: list[TextPart | Refusal] = []
        self._kind: type[TextPart] | type[Refusal] | None = None
        self._pieces: list[str] = []
        self._logprobs: list[TextLogprob] = []

    def item(self, status: ItemStatus) -> OutputItem:
        open_part = [] if self._kind is None else [self._part()]
        return message_item(self._id, self._done + open_part, status)

    def begin(self) -> list[on.Event]:
        item = self.item("in_progress")
        return [on.ItemAdded(sequence_number=self._number(), output_index=self._index, item=item)]

    def say(self, text: str, logprobs: list[TextLogprob]) -> list[on.Event]:
        told = self._turn_to(TextPart)
        self._pieces.append(text)
        self._logprobs += logprobs
        return [
            *told,
            on.TextDelta(
                sequence_number=self._number(),
                item_id=self._id,
                output_index=self._index,
                content_index=len(self._done),
                delta=text,
                logprobs=logprobs,
            ),
        ]

    def refuse(self, text: str) -> list[on.Event]:
        told = self._turn_to(Refusal)
        self._pieces.append(text)
        n, name, index, part = self._number, self._id, self._index, len(self._done)
        return [
            *told,
            on.RefusalDelta(sequence_number=n(), item_id=name, output_index=index, content_index=part, delta=text),
        ]

    def end(self, status: ItemStatus) -> list[on.Event]:
        told = self._end_part()
        item = self.item(status)
        return [*told, on.ItemDone(sequence_number=self._number(), output_index=self._index, item=item)]

    def _part(self) -> TextPart | Refusal:
        text = "".join(self._pieces)
        return Refusal(refusal=text) if self._kind is Refusal else TextPart(text=text, logprobs=self._logprobs[:])

    def _turn_to(self, wanted: type[TextPart] | type[Refusal]) -> list[on.Event]:
        if self._kind is wanted:
            return []
        told = self._end_part()
        self._kind = wanted
        n, name, index, part = self._number, self._id, self._index, len(self._done)
        begun = self._part()
        return [
            *told,
            on.PartAdded(sequence_number=n(), item_id=name, output_index=index, content_index=part, part=begun),
        ]

    def _end_part(self) -> list[on.Event]:
        if self._kind is None:
            return []
        n, name, index, place = self._number, self._id, self._index, len(self._done)
        part = self._part()
        ended: on.Event
        if isinstance(part, Refusal):
            ended = on.RefusalDone(
                sequence_number=n(), item_id=name, output_index=index, content_index=place, refusal=part.refusal
            )
        else:
            ended = on.TextDone(
                sequence_number=n(),
                item_id=name,
                output_index=index,
                content_index=place,
                text=part.text,
                logprobs=part.logprobs,
            )
        self._done.append(part)
        self._kind, self._pieces, self._logprobs = None, [], []
        done = on.PartDone(sequence_number=n(), item_id=name, output_index=index, content_index=place, part=part)
        return [ended, done]
