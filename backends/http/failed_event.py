"""The event by which a server tells that its answer has failed, found in bytes of a stream that are passed on. Pure.

vLLM tells it and says ``[DONE]`` all the same: without a look, half an answer would pass for a whole one. Inside the
JSON of another event no line can begin, so that a model that writes such an event means nothing.
"""

import re

import msgspec

from backends.errors import BackendError, Cause
from backends.http.refusal import refusal

_LINE = re.compile(rb'(?:\A|(?<=[\r\n]))(?:data: ?\{\s*"error"\s*:|event: ?error(?=[\r\n]|\Z))')
_DATA = re.compile(rb"(?:\A|(?<=[\r\n]))data: ?([^\r\n]*)")
_BEGINNINGS = (b'data: {"error":', b"event: error")


class _Told(msgspec.Struct):
    code: int | str | None = None


class _Event(msgspec.Struct):
    error: _Told | None = None


_decoder = msgspec.json.Decoder(_Event)


def failed_at(data: bytes, *, fresh: bool = True) -> int:
    """Where such an event begins in ``data``, or -1. ``fresh``: ``data`` begins a line."""
    if b"error" not in data:
        return -1
    found = _LINE.search(data)
    while found is not None and found.start() == 0 and not fresh:
        found = _LINE.search(data, found.end())
    return -1 if found is None else found.start()


def unfinished(data: bytes) -> int:
    """How many bytes at the end of ``data`` may be the beginning of one: they wait for those that follow."""
    start = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    rest = data[start:]
    if 0 < len(rest) < len(_BEGINNINGS[0]) and any(line.startswith(rest) for line in _BEGINNINGS):
        return len(rest)
    return 0


class Soundness:
    """Bytes of a stream on their way, up to an event that tells of a failure; what may become one waits for the rest.

    ``failed`` is set once there was one: nothing passes any more. ``fresh``: the first bytes begin a line.
    """

    __slots__ = ("_fresh", "_held", "failed")

    def __init__(self, *, fresh: bool = True) -> None:
        self._fresh = fresh
        self._held = b""
        self.failed: BackendError | None = None

    def feed(self, data: bytes) -> bytes:
        """What may pass now."""
        if self.failed is not None:
            return b""
        if self._held:
            data, self._held = self._held + data, b""
        at = failed_at(data, fresh=self._fresh)
        if at >= 0:
            self.failed = failure(data[at:], begun=True)
            return data[:at]
        if not data.endswith((b"\n", b"\r")) and (size := unfinished(data)):
            data, self._held = data[:-size], data[-size:]
        if data:
            self._fresh = data.endswith((b"\n", b"\r"))
        return data

    def rest(self) -> bytes:
        """What waited, when nothing follows."""
        held, self._held = self._held, b""
        return held


def failure(event: bytes, *, begun: bool) -> BackendError:
    """What ``event`` and what follows it mean. ``begun``: a part of the answer is with the client already."""
    data = _DATA.search(event)
    body = b"" if data is None else data[1]
    if begun:
        private = body[:512].decode("utf-8", "replace")
        return BackendError(Cause.STREAM_BROKEN, "the backend failed in the middle of its answer", private=private)
    try:
        told = _decoder.decode(body).error
    except (msgspec.DecodeError, RecursionError):
        told = None
    code = told.code if told is not None else None
    return refusal(code if isinstance(code, int) and 400 <= code < 600 else 500, [], body)
