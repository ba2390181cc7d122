"""Server-sent events: an incremental parser, an encoder, and the cheap looks the relay takes at bytes it passes on.

Follows the WHATWG rules: CR, LF or CRLF end a line, a BOM may start the stream, lines that begin with a colon are
comments, and an event ends at a blank line.
"""

from msgspec import Struct

from backends.errors import BackendError, Cause

MOST_EVENT_BYTES = 4 * 1024 * 1024
DONE = b"[DONE]"


class Event(Struct, frozen=True):
    """One event; ``data`` lines are joined by newlines."""

    data: bytes
    name: bytes = b"message"


class Parser:
    """Fed with any pieces of a stream, gives the events that are complete. A huge event is a protocol error."""

    def __init__(self) -> None:
        self._buffer = b""
        self._data: list[bytes] = []
        self._name = b"message"
        self._size = 0
        self._begun = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Raises ``BackendError(UPSTREAM_PROTOCOL)`` when an event exceeds ``MOST_EVENT_BYTES``."""
        self._buffer += chunk
        if not self._begun and self._buffer:
            if len(self._buffer) < 3 and b"\xef\xbb\xbf".startswith(self._buffer):
                return []
            self._buffer = self._buffer.removeprefix(b"\xef\xbb\xbf")
            self._begun = True
        events: list[Event] = []
        while (line := self._line()) is not None:
            event = self._take(line)
            if event is not None:
                events.append(event)
        if len(self._buffer) + self._size > MOST_EVENT_BYTES:
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend sent an event that is too large")
        return events

    def _line(self) -> bytes | None:
        buffer = self._buffer
        feed, carriage = buffer.find(b"\n"), buffer.find(b"\r")
        if carriage >= 0 and (feed < 0 or carriage < feed):
            if carriage + 1 == len(buffer):
                return None  # the LF of a CRLF may come with the next piece
            skip = 2 if buffer[carriage + 1 : carriage + 2] == b"\n" else 1
            self._buffer = buffer[carriage + skip :]
            return buffer[:carriage]
        if feed < 0:
            return None
        self._buffer = buffer[feed + 1 :]
        return buffer[:feed]

    def _take(self, line: bytes) -> Event | None:
        if not line:
            data, name = self._data, self._name
            self._data, self._name, self._size = [], b"message", 0
            return Event(b"\n".join(data), name) if data else None
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif field == b"event":
            self._name = value
        return None


def event(data: bytes, name: str | None = None) -> bytes:
    """One event on the wire. Newlines inside ``data`` become several data lines."""
    body = b"".join(
        b"data: " + line + b"\n" for line in data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    )
    return (b"event: " + name.encode() + b"\n" if name else b"") + body + b"\n"


def first_event_end(buffer: bytes) -> int:
    """Where the first complete event with data ends in ``buffer``, or -1. Comments before it do not count."""
    start = 0
    while True:
        end, after = _blank_line(buffer, start)
        if end < 0:
            return -1
        if _has_data(buffer, start, end):
            return after
        start = after


def says_done(tail: bytes) -> bool:
    """Whether the stream's end says ``[DONE]``."""
    return b"data: [DONE]" in tail or b"data:[DONE]" in tail


def _blank_line(buffer: bytes, start: int) -> tuple[int, int]:
    best = -1, -1
    for mark in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        at = buffer.find(mark, start)
        if at >= 0 and (best[0] < 0 or at < best[0]):
            best = at, at + len(mark)
    return best


def _has_data(buffer: bytes, start: int, end: int) -> bool:
    block = buffer[start:end]
    if block.startswith(b"\xef\xbb\xbf"):
        block = block[3:]
    return block.startswith(b"data") or b"\ndata" in block or b"\rdata" in block
