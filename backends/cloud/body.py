"""A chat as a provider gets it: only what it knows and only what it needs. Pure; top level alone is taken apart."""

import msgspec
from msgspec import Raw

from backends.cloud.provider import Quirks
from backends.errors import BackendError, Cause

_KEPT_HERE = frozenset({"user", "metadata", "safety_identifier", "store", "priority", "service_tier"})
"""Who asked is nobody's business outside, nothing is to be kept there, and what is urgent is ours to say."""
_USAGE = Raw(b'{"include_usage":true}')


class _Options(msgspec.Struct):
    include_usage: bool | None = None


class _Asked(msgspec.Struct):
    stream_options: _Options | None = None


_asking = msgspec.json.Decoder(_Asked)
_decoder = msgspec.json.Decoder(dict[str, Raw])


def for_provider(body: bytes, quirks: Quirks, *, stream: bool) -> bytes:
    """The chat completions request ``body`` for a server with ``quirks``. Raises ``BackendError(INVALID_REQUEST)``."""
    fields = _without(_fields(body))
    for name in quirks.drop:
        fields.pop(name, None)
    for name, other in quirks.rename.items():
        if (value := fields.pop(name, None)) is not None:
            fields.setdefault(other, value)
    if stream and quirks.stream_usage == "ask":
        fields["stream_options"] = _USAGE
    elif quirks.stream_usage != "ask":
        fields.pop("stream_options", None)
    return msgspec.json.encode(fields)


def impersonal(body: bytes) -> bytes:
    """Any other request without who asks; byte for byte where it does not say. Raises as ``for_provider``."""
    fields = _fields(body)
    return msgspec.json.encode(_without(fields)) if fields.keys() & _KEPT_HERE else body


def _fields(body: bytes) -> dict[str, Raw]:
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise BackendError(Cause.INVALID_REQUEST, "the request is not a JSON object", private=str(error)) from None


def _without(fields: dict[str, Raw]) -> dict[str, Raw]:
    return {name: value for name, value in fields.items() if name not in _KEPT_HERE}


def wants_usage(body: bytes) -> bool:
    """Whether the client asked for the usage at the end of its stream."""
    try:
        asked = _asking.decode(body)
    except msgspec.DecodeError:
        return False
    return asked.stream_options is not None and bool(asked.stream_options.include_usage)
