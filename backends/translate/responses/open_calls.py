"""Calls of tools that still grow, told as events. Several grow side by side: backends mix the pieces of parallel calls.

It never decides when a call begins or ends: ``stream`` does.
"""

from backends.translate.chat_answer import Call
from backends.translate.responses.free_text import FreeText
from backends.translate.responses.names import ToolNames
from backends.translate.responses.open_items import Numbers
from backends.translate.responses.output import call_item
from backends.wire import openai_responses_events as on
from backends.wire.openai_responses_reply import CustomCallOutput, FunctionCallOutput, ItemStatus


class OpenCall:
    """A call of a function or of a free-text tool. ``name`` is the flat one that the model used."""

    def __init__(
        self, response_id: str, index: int, numbers: Numbers, names: ToolNames, *, call_id: str, name: str
    ) -> None:
        self._response_id, self._index, self._number, self._names = response_id, index, numbers.take, names
        self._call_id, self._name = call_id, name
        self._pieces: list[str] = []
        self._id = self.item("in_progress").id
        self._free = FreeText() if names.target(name).kind == "custom" else None

    def item(self, status: ItemStatus) -> FunctionCallOutput | CustomCallOutput:
        arguments = "".join(self._pieces)
        place = (self._response_id, self._index)
        return call_item(*place, self._call_id, self._name, arguments, self._names, status)

    def begin(self) -> list[on.Event]:
        item = self.item("in_progress")
        return [on.ItemAdded(sequence_number=self._number(), output_index=self._index, item=item)]

    def grow(self, arguments: str) -> list[on.Event]:
        if not arguments:
            return []
        self._pieces.append(arguments)
        if self._free is not None:
            return self._input(self._free.feed(arguments))
        number = self._number()
        return [on.ArgumentsDelta(sequence_number=number, item_id=self._id, output_index=self._index, delta=arguments)]

    def end(self, status: ItemStatus) -> list[on.Event]:
        told = [] if self._free is None else self._input(self._free.finish())
        item, n, index = self.item(status), self._number, self._index
        done: on.Event
        if isinstance(item, CustomCallOutput):
            done = on.CustomInputDone(sequence_number=n(), item_id=item.id, output_index=index, input=item.input)
        else:
            done = on.ArgumentsDone(
                sequence_number=n(), item_id=item.id, output_index=index, name=item.name, arguments=item.arguments
            )
        return [*told, done, on.ItemDone(sequence_number=n(), output_index=index, item=item)]

    def _input(self, text: str) -> list[on.Event]:
        if not text:
            return []
        number = self._number()
        return [on.CustomInputDelta(sequence_number=number, item_id=self._id, output_index=self._index, delta=text)]


class Slot:
    """One call of a stream. It opens when its name is known; until then what came of its arguments waits."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.name = ""
        self.waiting: list[str] = []
        self.open: OpenCall | None = None


class Slots:
    """Which call a piece belongs to.

    Backends number calls, or tell them apart by their ids only, all under the number 0 or under none.
    """

    def __init__(self) -> None:
        self.all: list[Slot] = []
        self._at: dict[int, Slot] = {}

    def of(self, piece: Call) -> Slot:
        """The call of ``piece``, a new one where it begins one."""
        call_id = piece.id or ""
        slot = self._known(piece.index, call_id, names=bool(piece.function and piece.function.name))
        if slot is None:
            slot = Slot(call_id)
            self.all.append(slot)
            if piece.index is not None:
                self._at[piece.index] = slot
        slot.call_id = slot.call_id or call_id
        return slot

    def _known(self, index: int | None, call_id: str, *, names: bool) -> Slot | None:
        if index is not None:
            slot = self._at.get(index)
            another = slot is not None and names and call_id and slot.call_id and call_id != slot.call_id
            return None if another else slot
        if call_id:
            return next((slot for slot in self.all if slot.call_id == call_id), None)
        return self.all[-1] if self.all and not names else None
