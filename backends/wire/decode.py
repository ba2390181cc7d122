"""From a JSON body to a typed value, or to a ``BackendError`` that names the field at fault.

Owns the mapping of msgspec's refusals to ours. It never decides what a valid request is: the types do.
"""

import re
from functools import cache
from typing import TypeVar, cast

import msgspec

from backends.errors import BackendError, Cause

T = TypeVar("T")

_PATH = re.compile(r" - at `(?:key in )?\$\.?(?P<path>.*?)`$")
_FIELD = re.compile(r"^Object (?:missing required|contains unknown) field `(?P<field>[^`]+)`")
_LONGEST_DETAIL = 300


@cache
def _decoder(wanted: object) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(cast("type[object]", wanted))


def decode(body: bytes, wanted: type[T]) -> T:
    """Decode ``body`` as ``wanted``.

    The whole body must be UTF-8 and JSON, also where ``wanted`` skips unknown fields.
    Raises ``BackendError(INVALID_REQUEST)`` with ``param`` in the form ``messages[0].role``.
    """
    try:
        body.decode()
        return cast("T", _decoder(wanted).decode(body))
    except UnicodeDecodeError as error:
        raise BackendError(Cause.INVALID_REQUEST, f"The body is not valid UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise BackendError(Cause.INVALID_REQUEST, "The body is nested too deeply.") from None
    except msgspec.ValidationError as error:
        detail, param = explain(str(error))
        raise BackendError(Cause.INVALID_REQUEST, detail, param=param) from None
    except msgspec.DecodeError as error:
        raise BackendError(Cause.INVALID_REQUEST, f"The body is not valid JSON: {_shorten(str(error))}") from None


def explain(message: str) -> tuple[str, str | None]:
    """Split a msgspec validation message into a sentence for the client and the field it is about."""
    found = _PATH.search(message)
    param = found["path"] if found else ""
    text = message[: found.start()] if found else message
    field = _FIELD.match(text)
    if field:
        param = f"{param}.{field['field']}" if param else field["field"]
    text = _shorten(text)
    return (f"{param}: {text}" if param else text), (param or None)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"
