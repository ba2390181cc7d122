"""Splits a growing answer into reasoning and content at a pair of tags. Pure; never looks at what the words say."""

from typing import Literal

from backends.translate.held import held_length

Kind = Literal["reasoning", "content"]
Part = tuple[Kind, str]


class ReasoningSplitter:
    """Reasoning is only what an answer begins with: a tag later on is content.

    With ``starts_open`` the prompt ended inside the reasoning already. White space around the tags is dropped.
    Feeding the same text in other pieces gives the same two texts.
    """

    def __init__(self, opening: str, closing: str, *, starts_open: bool) -> None:
        self._opening, self._closing = opening, closing
        self._state: Literal["start", "reasoning", "after", "content"] = "reasoning" if starts_open else "start"
        self._fresh = True
        self._may_repeat = starts_open
        self._held = ""

    def feed(self, text: str) -> list[Part]:
        """Take more text; return what can be shown now, never an empty text."""
        self._held += text
        parts: list[Part] = []
        while self._step(parts):
            pass
        return parts

    def finish(self) -> list[Part]:
        """What was held back, when nothing follows."""
        text, self._held = self._held, ""
        if self._state == "reasoning":
            text = text.rstrip()
        elif self._state == "after":
            text = ""
        return [("reasoning" if self._state == "reasoning" else "content", text)] if text else []

    def _step(self, parts: list[Part]) -> bool:
        """One step of the state machine; false when more text is needed."""
        match self._state:
            case "start":
                return self._start()
            case "reasoning":
                return self._reason(parts)
            case "after":
                self._held = self._held.lstrip()
                self._state = "content" if self._held else "after"
                return bool(self._held)
            case "content":
                if self._held:
                    parts.append(("content", self._held))
                self._held = ""
                return False

    def _start(self) -> bool:
        bare = self._held.lstrip()
        if bare.startswith(self._opening):
            self._state, self._held = "reasoning", bare[len(self._opening) :]
            return True
        if self._opening.startswith(bare):
            return False
        self._state = "content"
        return True

    def _reason(self, parts: list[Part]) -> bool:
        if self._fresh:
            self._held = self._held.lstrip()
            if self._may_repeat and self._held.startswith(self._opening):
                self._may_repeat, self._held = False, self._held[len(self._opening) :].lstrip()
            if not self._held or (self._may_repeat and self._opening.startswith(self._held)):
                return False
        before, found, after = self._held.partition(self._closing)
        if found:
            self._state, self._held = "after", after
            self._show(parts, before.rstrip())
            return True
        keep = held_length(self._held, (self._closing,))
        shown = self._held[: len(self._held) - keep].rstrip()
        self._held = self._held[len(shown) :]
        self._show(parts, shown)
        return False

    def _show(self, parts: list[Part], text: str) -> None:
        if text:
            self._fresh = False
            parts.append(("reasoning", text))
