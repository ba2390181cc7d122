"""Server-sent events: an incremental parser, an encoder, and the cheap looks the relay takes at bytes it passes on.

Follows the WHATWG rules: CR, LF or CRLF end a line, a BOM may start the stream, lines that begin with a colon are
comments, and an event ends at a blank line.
"""

import re

from msgspec import Struct

from backends.errors import BackendError, Cause

MOST_EVENT_BYTES = 4 * 1024 * 1024
DONE = b"[DONE]"
_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"(?>\r\n|\n|\r){2}")
_DATA = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|(?<=[\r\n]))data(?=[:\r\n]|\Z)")
_LEADS = frozenset({b"data: ", b"data:", b"event: ", b"event:"})


class Event(Struct, frozen=True):
    """One event; ``data`` lines are joined by newlines."""

    data: bytes
    name: bytes = b"message"


class Parser:
    """Fed with any pieces of a stream, gives the events that are complete. A huge event is a protocol error."""

    def __init__(self, most_bytes: int = MOST_EVENT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._line: list[bytes] = []
        self._line_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._name = b"message"
        self._begun = self._after_cr = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Raises ``BackendError(UPSTREAM_PROTOCOL)`` when an event exceeds ``most_bytes``; that is the end."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")  # the second half of a CRLF
        if not self._begun:
            chunk = b"".join(self._line) + chunk
            self._line.clear()
            self._line_size = 0
            if len(chunk) >= len(_BOM) or not _BOM.startswith(chunk):
                self._begun = True
                chunk = chunk.removeprefix(_BOM)
        if b"\n" not in chunk and b"\r" not in chunk:
            self._keep(chunk)
            return []
        self._line.append(chunk)
        lines = b"".join(self._line).splitlines()
        self._line.clear()
        self._line_size = 0
        self._after_cr = chunk.endswith(b"\r")
        rest = b"" if chunk.endswith((b"\r", b"\n")) else lines.pop()
        events = [found for line in lines if (found := self._take(line)) is not None]
        self._keep(rest)
        return events

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._line.append(piece)
            self._line_size += len(piece)
            self._check_size(self._line_size)

    def _check_size(self, line_size: int) -> None:
        if self._data_size + line_size > self._most_bytes:
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend sent an event that is too large")

    def _take(self, line: bytes) -> Event | None:
        if not line:
            data, name = self._data, self._name
            self._data, self._name, self._data_size = [], b"message", 0
            return Event(b"\n".join(data), name or b"message") if data else None
        self._check_size(len(line))
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
            self._data_size += len(line)
        elif field == b"event":
            self._name = value.removeprefix(b" ")
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
    while (blank := _BLANK.search(buffer, start)) is not None:
        if _DATA.search(buffer, start, blank.start()) is not None:
            return blank.end()
        start = blank.end()
    return -1


def says(tail: bytes, terminator: bytes) -> bool:
    """Whether a whole line at the end of a stream is ``terminator``, as an event's data or as its name.

    Inside the JSON of another event no line can begin, so that a model that writes ``[DONE]`` ends nothing.
    """
    at = len(tail)
    while (at := tail.rfind(terminator, 0, at)) >= 0:
        line = max(tail.rfind(b"\n", 0, at), tail.rfind(b"\r", 0, at)) + 1
        after = at + len(terminator)
        if tail[line:at] in _LEADS and tail[after : after + 1] in (b"", b"\n", b"\r"):
            return True
    return False
