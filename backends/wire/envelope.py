"""The top level of a JSON request as named pieces: enough to route it, nothing inside is decoded.

Re-emitting makes the top level canonical (a key twice, or written with escapes, becomes one), so that the model that
was authorised is the model the backend sees; nested bytes stay as they came and unknown fields survive.
"""

import re
from collections.abc import Container, Iterable, Mapping

import msgspec
from msgspec import Raw

from backends.errors import BackendError, Cause

MOST_LEVELS = 64
_LONGEST_NAME = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_IRRELEVANT = bytes(set(range(256)) - set(b'[]{}"'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_decoder = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


class Envelope:
    """Made by ``parse``. ``model`` and ``stream`` are checked; everything else is raw bytes."""

    __slots__ = ("_fields", "model", "stream")

    def __init__(self, fields: dict[str, Raw], model: str, *, stream: bool) -> None:
        self._fields = fields
        self.model = model
        self.stream = stream

    @classmethod
    def parse(cls, body: bytes) -> "Envelope":
        """Raises ``BackendError(INVALID_REQUEST)`` for anything but a JSON object with a model name."""
        try:
            body.decode()
            if body.count(b"[") + body.count(b"{") > MOST_LEVELS and not _is_shallow(body):
                raise _too_deep()
            fields = _decoder.decode(body)
        except UnicodeDecodeError:
            raise BackendError(Cause.INVALID_REQUEST, "the body is not valid UTF-8") from None
        except RecursionError:
            raise _too_deep() from None
        except msgspec.ValidationError:
            raise BackendError(Cause.INVALID_REQUEST, "the body is not a JSON object") from None
        except msgspec.DecodeError as error:
            raise BackendError(Cause.INVALID_REQUEST, f"the body is not valid JSON: {str(error)[:200]}") from None
        return cls(fields, _model(fields.get("model")), stream=_stream(fields.get("stream")))

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def lacks(self, names: Iterable[str]) -> bool:
        """Whether none of ``names`` is a top-level field."""
        return self._fields.keys().isdisjoint(names)

    def get(self, name: str) -> Raw | None:
        """The raw JSON of a top-level field."""
        return self._fields.get(name)

    def having(self, name: str, value: int) -> "Envelope":
        """The same with another value of a field."""
        return Envelope({**self._fields, name: Raw(_encode(value))}, self.model, stream=self.stream)

    def without(self, names: Container[str]) -> "Envelope":
        """The same, these fields left out."""
        left = {name: raw for name, raw in self._fields.items() if name not in names}
        return Envelope(left, self.model, stream=self.stream)

    def only(self, names: Iterable[str]) -> bytes:
        """These fields of it, where they are there."""
        return _encode({name: raw for name in names if (raw := self._fields.get(name)) is not None})

    def with_model(self, name: str, extra: Mapping[str, Raw] | None = None) -> bytes:
        """The body with ``name`` as model and the fields of ``extra`` put in. This envelope stays as it is."""
        fields = self._fields if not extra else {**self._fields, **extra}
        if name == self.model:
            return _encode(fields)
        return _encode({**fields, "model": Raw(_encode(name))})


def _model(raw: Raw | None) -> str:
    if raw is None:
        raise BackendError(Cause.INVALID_REQUEST, "model is missing", param="model")
    try:
        name = _text.decode(raw)
    except msgspec.DecodeError:
        raise BackendError(Cause.INVALID_REQUEST, "model must be a string", param="model") from None
    if not name or len(name) > _LONGEST_NAME or (not name.isprintable() and _CONTROL.search(name)):
        raise BackendError(Cause.INVALID_REQUEST, "model is not a model name", param="model")
    return name


def _stream(raw: Raw | None) -> bool:
    if raw is None:
        return False
    value = bytes(raw)
    if value == b"true":
        return True
    if value in (b"false", b"null"):
        return False
    raise BackendError(Cause.INVALID_REQUEST, "stream must be true or false", param="stream")


def _is_shallow(body: bytes) -> bool:
    """Whether no value is deeper than allowed: msgspec recurses, so this is known before it sees the body.

    What is left of the body are quotes and brackets of one kind, then brackets outside of strings; each round takes the
    innermost pairs away. Brackets that do not match are left for the decoder to refuse. Tens of us at 16 KB.
    """
    if b'\\"' in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = body.translate(_ONE_KIND, _IRRELEVANT).replace(b'""', b"")
    if b'"' in brackets:
        brackets = b"".join(brackets.split(b'"')[::2])
    for _ in range(MOST_LEVELS):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return True
        brackets = shorter
    return b"[]" not in brackets


def _too_deep() -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, f"the body is nested deeper than {MOST_LEVELS} levels")
