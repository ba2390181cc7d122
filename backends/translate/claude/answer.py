"""Messages and the events of their streams as they come in: only what chat is made of, tolerant of the rest.

The shapes that this project writes are in ``wire.anthropic_reply``; servers add fields, blocks and events to them.
"""

import msgspec
from msgspec import Raw, Struct, field

from backends.errors import BackendError, Cause


class StopDetails(Struct, frozen=True, kw_only=True):
    """Why an answer was refused, in words."""

    explanation: str | None = None


class OutputDetails(Struct, frozen=True, kw_only=True):
    thinking_tokens: int | None = None


class Counts(Struct, frozen=True, kw_only=True):
    """Tokens; those of the cache are not among ``input_tokens``. In a stream the last that was told counts."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None

    def then(self, later: "Counts | None") -> "Counts":
        """These, or what was told later of each."""
        if later is None:
            return self
        told = {name: value for name in later.__struct_fields__ if (value := getattr(later, name)) is not None}
        return msgspec.structs.replace(self, **told)


class Piece(Struct, frozen=True, kw_only=True):
    """A block, a piece of one, or how the message ended."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = field(default_factory=lambda: Raw(b"{}"))
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class Details(Struct, frozen=True, kw_only=True):
    error_code: str | None = None


class Trouble(Struct, frozen=True, kw_only=True):
    """What failed: its kind and its words."""

    type: str = ""
    message: str = ""
    details: Details | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """A whole message, an event of a stream, or an error, by ``type``."""

    type: str = ""
    content: list[Piece] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: Counts | None = None
    index: int | None = None
    message: "Answer | None" = None
    content_block: Piece | None = None
    delta: Piece | None = None
    error: Trouble | None = None


_decoder = msgspec.json.Decoder(Answer)


def read(data: bytes) -> Answer:
    """Raises ``BackendError(UPSTREAM_PROTOCOL)`` where it is none."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        private = str(error)
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend's answer is not readable", private=private) from None
