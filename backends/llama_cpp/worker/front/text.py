"""From token bytes to text that may be shown: whole characters only, and nothing that might become a stop string."""

import codecs

from backends.translate.held import held_length


class TextFilter:
    """Holds back incomplete UTF-8 and possible beginnings of stop strings.

    ``stopped`` turns true when a stop string was found; the text before it has been given out by then.
    """

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self.stopped = False
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._stops = stops
        self._held = ""

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
        found = min((at for at in (held.find(stop) for stop in self._stops) if at >= 0), default=-1)
        if found >= 0:
            self.stopped, self._held = True, ""
            return held[:found]
        keep = held_length(held, self._stops)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]
