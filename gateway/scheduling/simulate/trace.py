"""A trace: models and the requests for them, as JSON lines. Strict; a mistake is named by its line.

The first line may be a header with models, which add to those of the catalog or stand in their place.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from backends.errors import BackendError, Cause
from gateway.scheduling.target import RunsOn

MOST_REQUESTS = 1_000_000

Kind = Literal["chat", "image", "video"]
Bytes = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from a trace."""


class VariantSpec(_Strict, frozen=True, kw_only=True):
    """One way to serve a model. ``speed`` divides the seconds of a request; the last three are extras of ours."""

    name: Name
    device_bytes: Bytes
    load_seconds: Seconds
    speed: Annotated[float, Meta(gt=0)] = 1.0
    host_bytes: Bytes = 0
    split: Annotated[int, Meta(ge=1, le=64)] | None = None
    runs_on: RunsOn | None = None


class ModelSpec(_Strict, frozen=True, kw_only=True):
    """``variants`` in order of preference; ``slots`` requests at once (chat 8, else 1); null seconds: cannot sleep."""

    kind: Kind = "chat"
    variants: Annotated[tuple[VariantSpec, ...], Meta(min_length=1)]
    slots: Annotated[int, Meta(ge=1)] | None = None
    sleep_wake_seconds: Seconds | None = None

    @property
    def requests_at_once(self) -> int:
        """On one resident."""
        return self.slots or (8 if self.kind == "chat" else 1)


class Request(_Strict, frozen=True, kw_only=True):
    """One request. Seconds since the beginning; ``max_wait`` null: waits for as long as it takes."""

    at: Seconds
    model: Name
    seconds: Seconds
    key: str = ""
    kind: Kind | None = None
    priority: Literal["interactive", "batch"] | None = None
    max_wait: Seconds | None = None


class Trace(Struct, frozen=True):
    """All models that are asked for, and the requests in order of time."""

    models: dict[str, ModelSpec]
    requests: tuple[Request, ...]


class _Header(_Strict, frozen=True, kw_only=True):
    models: dict[Name, ModelSpec]


_Line = TypeVar("_Line", _Header, Request)

_header = msgspec.json.Decoder(_Header)
_request = msgspec.json.Decoder(Request)


def read(lines: Iterable[bytes], known: Callable[[str], ModelSpec | None]) -> Trace:
    """The trace in ``lines``; ``known`` gives models that the header does not name.

    Raises ``BackendError(INVALID_REQUEST)`` with the line of the first mistake.
    """
    models: dict[str, ModelSpec] = {}
    requests: list[Request] = []
    for number, line in _numbered(lines):
        if number == 1 and line.lstrip().startswith(b'{"models"'):
            models.update(_decoded(_header, line, number).models)
            continue
        request = _decoded(_request, line, number)
        if request.model not in models:
            spec = known(request.model)
            if spec is None:
                raise _wrong(number, f"no model {request.model!r}, neither in the header nor in the catalog")
            models[request.model] = spec
        requests.append(request)
        if len(requests) > MOST_REQUESTS:
            raise _wrong(number, f"more than {MOST_REQUESTS:,} requests")
    if not requests:
        raise _wrong(1, "the trace has no requests")
    asked = {request.model for request in requests}
    return Trace({name: spec for name, spec in models.items() if name in asked}, _sorted(requests))


def _sorted(requests: list[Request]) -> tuple[Request, ...]:
    return tuple(sorted(requests, key=lambda request: request.at))


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line


def _decoded(decoder: "msgspec.json.Decoder[_Line]", line: bytes, number: int) -> _Line:
    try:
        return decoder.decode(line)
    except msgspec.DecodeError as error:
        raise _wrong(number, str(error)) from None


def _wrong(number: int, what: str) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, f"line {number} of the trace: {what}")
