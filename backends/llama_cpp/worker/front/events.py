"""Server-sent events of a chat or completion stream. The parts that never change are made once a request."""

import msgspec

from backends.wire.openai_chat_reply import ChoiceLogprobs, Delta, FinishReason
from backends.wire.openai_completions import CompletionLogprobs
from backends.wire.openai_usage import Usage

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What all events of an answer repeat. ``created`` is in Unix seconds."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str | None = None


class Events:
    """Builds the events of one answer. With ``usage`` each event but the last carries ``"usage":null``."""

    def __init__(self, head: Head, *, usage: bool) -> None:
        opened = _encode(head)[:-1]
        self._start = b"data: " + opened + b',"choices":[{"index":'
        self._end = b'}],"usage":null}\n\n' if usage else b"}]}\n\n"
        self._usage_start = b"data: " + opened + b',"choices":[],"usage":'

    def content(self, choice: int, text: str, logprobs: ChoiceLogprobs | None = None) -> bytes:
        """More text of a chat answer: the event that comes once a token."""
        scores = b"null" if logprobs is None else _encode(logprobs)
        return b'%b%d,"delta":{"content":%b},"finish_reason":null,"logprobs":%b%b' % (
            self._start,
            choice,
            _encode(text),
            scores,
            self._end,
        )

    def delta(self, choice: int, delta: Delta, finish: FinishReason | None = None, matched: str | None = None) -> bytes:
        """Any other change of a chat answer; ``matched`` is the stop string that ended it."""
        return b'%b%d,"delta":%b,"finish_reason":%b,"logprobs":null%b%b' % (
            self._start,
            choice,
            _encode(delta),
            _encode(finish),
            b"" if matched is None else b',"stop_reason":' + _encode(matched),
            self._end,
        )

    def text(self, choice: int, text: str, finish: str | None, logprobs: CompletionLogprobs | None = None) -> bytes:
        """More text of a completion."""
        return b'%b%d,"text":%b,"finish_reason":%b,"logprobs":%b%b' % (
            self._start,
            choice,
            _encode(text),
            _encode(finish),
            _encode(logprobs),
            self._end,
        )

    def usage(self, usage: Usage) -> bytes:
        """The event that carries the usage, after all others."""
        return b"%b%b}\n\n" % (self._usage_start, _encode(usage))
