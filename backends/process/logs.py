"""The last lines an engine printed, in bounded memory. Writing never waits, so a chatty child never blocks."""

from collections import deque

LINE_LIMIT = 8 * 1024
TOTAL_LIMIT = 64 * 1024
_CUT = b" [cut]"


class LogRing:
    """Keeps at most ``total`` bytes of whole lines, each at most ``line`` bytes; older lines fall out."""

    def __init__(self, *, line: int = LINE_LIMIT, total: int = TOTAL_LIMIT) -> None:
        self._line = line
        self._total = total
        self._lines: deque[bytes] = deque()
        self._held = 0
        self._partial = b""
        self.received = 0
        """Bytes ever fed, kept or not."""

    def feed(self, data: bytes) -> None:
        """Take a chunk as it came from the pipe; lines may be split anywhere."""
        self.received += len(data)
        if len(data) > self._total:
            # What precedes the last ``total`` bytes would fall out again at once.
            data = data[-self._total :]
            self._partial = b""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._keep(self._partial + piece)
            self._partial = b""
        # One byte over the limit is enough to know later that the line was cut.
        self._partial = (self._partial + rest)[: self._line + 1]

    def tail(self, limit: int = 4096) -> str:
        """The newest text, at most ``limit`` bytes, an unfinished last line included."""
        parts = [self._capped(self._partial)] if self._partial else []
        size = len(parts[0]) if parts else 0
        for line in reversed(self._lines):
            if size >= limit:
                break
            parts.append(line)
            size += len(line) + 1
        return b"\n".join(reversed(parts))[-limit:].decode("utf-8", "replace") if limit > 0 else ""

    def _keep(self, line: bytes) -> None:
        line = self._capped(line)
        self._lines.append(line)
        self._held += len(line) + 1
        while self._held > self._total:
            self._held -= len(self._lines.popleft()) + 1

    def _capped(self, line: bytes) -> bytes:
        return line if len(line) <= self._line else line[: self._line - len(_CUT)] + _CUT
