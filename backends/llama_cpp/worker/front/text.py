"""From token bytes to text that may be shown: whole characters only, and nothing that might become a stop string."""

import codecs

from backends.translate.held import held_length


class TextFilter:
    """Holds back incomplete UTF-8 and possible beginnings of stop strings.

    ``matched`` is the stop string once one was found; the text before it has been given out by then.
    """

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self.matched: str | None = None
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._stops = stops
        self._held: str = ""

    @property
    def stopped(self) -> bool:
        return self.matched is not None

    def feed(self, data: bytes) -> str:
        """The text that can be shown after ``data``; empty when all of it must wait."""
        text = self._decode(data)
        if not self._stops:
            return text
        return self._release(text)

    def finish(self) -> str:
        """What was held back, when nothing follows any more; half a character is dropped."""
        rest, self._held = self._held, ""
        return rest

    def _release(self, text: str) -> str:
        if self.stopped:
            return ""
        held = self._held + text
        found = [(at, stop) for stop in self._stops if (at := held.find(stop)) >= 0]
        if found:
            at, self.matched = min(found)
            self._held = ""
            return held[:at]
        keep = held_length(held, self._stops)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]
