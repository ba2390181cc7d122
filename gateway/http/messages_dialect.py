"""A chat answer told as Anthropic's Messages. Connects the pure translation with the wire; decides nothing."""

import re

import msgspec

from backends.errors import BackendError, Cause
from backends.translate.anthropic.output import Asked
from backends.translate.anthropic.reply import to_message
from backends.translate.anthropic.stream import Events, MessageStream
from backends.translate.chat_answer import read
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.anthropic_reply import error_of, event_bytes
from gateway.errors import TABLE

_OVERFLOW = re.compile(
    r"context length is (?P<context>\d+) tokens(?:, but the request needs |\. However, your prompt contains )"
    r"(?:at least )?(?P<needs>\d+)(?P<characters> characters)?"
)
"""As our engines say it, and vLLM, which gives up counting where it is clear; very long texts it does not count."""


class MessagesDialect:
    """Implements ``Dialect``, for one request."""

    def __init__(self, message_id: str, request: MessagesRequest) -> None:
        self._message_id = message_id
        self._model = request.model
        self._asked = Asked.of(request)
        self._stream = MessageStream(message_id, request.model, self._asked)

    def whole(self, completion: bytes) -> bytes:
        return msgspec.json.encode(to_message(self._message_id, self._model, read(completion), self._asked))

    def life_sign(self) -> bytes:
        return _frames(self._stream.waiting())  # clients take it before the beginning, too

    def begin(self) -> bytes:
        return _frames(self._stream.start())

    def chunk(self, data: bytes) -> bytes:
        return _frames(self._stream.feed(read(data)))

    def end(self) -> bytes:
        return _frames(self._stream.finish())

    def failure(self, error: BackendError) -> bytes:
        return _frames(self._stream.fail(TABLE[error.cause].anthropic_type, worded(error)))


def refusal(error: BackendError, request_id: str) -> bytes:
    """The body of an answer that is none."""
    return error_of(TABLE[error.cause].anthropic_type, worded(error), request_id)


def worded(error: BackendError) -> str:
    """An overflow in the words that clients of this dialect parse, where its numbers are known."""
    found = _OVERFLOW.search(error.detail) if error.cause is Cause.CONTEXT_LENGTH else None
    if found is None:
        return error.detail
    needs = int(found["context"]) + 1 if found["characters"] else found["needs"]
    return f"prompt is too long: {needs} tokens > {found['context']} maximum"


def _frames(events: Events) -> bytes:
    return b"".join(event_bytes(event) for event in events)
