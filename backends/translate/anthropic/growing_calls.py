"""Calls of a chat stream while they grow. Backends mix their pieces: each is told to its end before the next. Pure.

It never makes events: ``stream`` does.
"""

from backends.translate.anthropic.output import input_of
from backends.translate.chat_answer import Call
from backends.translate.tool_calls.json_scan import JsonScan


class GrowingCall:
    """``index`` and ``id`` as the backend gave them."""

    def __init__(self, index: int | None, call_id: str, name: str) -> None:
        self.index, self.id, self.name = index, call_id, name
        self._waiting: list[str] = []
        self._object: bool | None = None
        self._scan = JsonScan()

    def take(self, text: str) -> None:
        """The next piece of its arguments."""
        self._waiting.append(text)
        if self._object is None and (head := text.lstrip()):
            self._object = head.startswith("{")
        for char in text:
            if self._scan.state != "open" or not self._scan.take(char):
                break

    @property
    def whole(self) -> bool:
        """Its object has ended: what follows belongs to another call."""
        return self._scan.state == "done" and bool(self.name)

    def ready(self, *, last: bool) -> str:
        """What may be told now, and is not told again. Only an object is told while it grows; ``last``: the rest is."""
        if not self._object and not last:
            return ""
        text = "".join(self._waiting)
        self._waiting.clear()
        if self._object:
            return text
        return "" if text.strip() in ("", "null") else bytes(input_of(text)).decode()


class GrowingCalls:
    """``told``: how many were told to their end."""

    def __init__(self) -> None:
        self.all: list[GrowingCall] = []
        self.told = 0

    def __bool__(self) -> bool:
        return bool(self.all)

    @property
    def settled(self) -> bool:
        """Nothing of those that came is missing: words may follow."""
        return all(call.whole for call in self.all[self.told :])

    @property
    def current(self) -> GrowingCall | None:
        """The one to tell from."""
        return self.all[self.told] if self.told < len(self.all) else None

    @property
    def over(self) -> bool:
        """The current one has ended and another has begun."""
        return self.told + 1 < len(self.all) and self.all[self.told].whole

    def take(self, piece: Call) -> None:
        """A piece goes to its call, or begins one."""
        name = (piece.function.name if piece.function else None) or ""
        call = self._of(piece, name)
        call.name = call.name or name
        call.id = call.id or piece.id or ""
        call.take((piece.function.arguments if piece.function else None) or "")

    def _of(self, piece: Call, name: str) -> GrowingCall:
        """Backends number calls, or tell them apart by their ids only."""
        if piece.index is not None:
            known = next((call for call in reversed(self.all) if call.index == piece.index), None)
            another = known is not None and name and piece.id and known.id and piece.id != known.id
        else:
            known = next((call for call in self.all if piece.id and call.id == piece.id), None)
            if known is None and not name and self.all:
                known = self.all[-1]
            another = False
        if known is None or another:
            known = GrowingCall(piece.index, piece.id or "", name)
            self.all.append(known)
        return known
