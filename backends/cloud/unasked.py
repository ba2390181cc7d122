"""Takes the usage at the end of a stream out again, where only the gateway asked for it: clients that did not ask read
``choices[0]`` of every chunk. Pure.
"""

import re

from backends.cloud.stream import Unchanged
from backends.errors import BackendError, Cause
from backends.wire.sse import MOST_EVENT_BYTES

_EMPTY = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class WithoutUsage(Unchanged):
    """Passes events on but those without a choice. What is held back is less than an event; ``usage`` is kept."""

    def __init__(self, terminator: bytes) -> None:
        super().__init__(terminator)
        self._event = b""

    def feed(self, chunk: bytes) -> bytes:
        self._event += super().feed(chunk)
        told: list[bytes] = []
        start = 0
        for end in _END.finditer(self._event):
            event = self._event[start : end.end()]
            start = end.end()
            if _EMPTY.search(event) is not None:
                self.usage = event
            else:
                told.append(event)
        self._event = self._event[start:]
        if len(self._event) > MOST_EVENT_BYTES:
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "the provider sent too large an event")
        return b"".join(told)

    def finish(self) -> bytes:
        super().finish()
        rest, self._event = self._event, b""
        return rest
