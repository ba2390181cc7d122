"""Requests to a vendor, made of a plan and the values of one job. Pure: ``send`` puts them on the wire."""

from typing import cast

import msgspec
from msgspec import Struct

from backends.cloud.media.filters import FilterError
from backends.cloud.media.plan import Next, Way
from backends.cloud.media.template import MISSING, Text, Tree, path_of, rendered
from backends.cloud.media.value import Blob, Values
from backends.errors import BackendError, Cause


class Rendered(Struct, frozen=True, kw_only=True):
    """``url`` is whole where an answer has named it, else ``path`` counts. ``form``: fields and files in order."""

    method: str
    path: str = ""
    url: str = ""
    headers: dict[str, str] = {}
    body: bytes | None = None
    form: tuple[tuple[str, str | Blob], ...] = ()


def create_request(way: Way, values: Values) -> Rendered:
    """What begins the work. Raises ``BackendError(INVALID_REQUEST)`` for values that cannot be told."""
    try:
        headers = {name: text for name, each in way.headers if (text := each.render(values)) is not None}
        return Rendered(
            method=way.method,
            path=_path(way.path, values),
            headers=headers,
            body=None if way.body is None else _json(way.body, values),
            form=() if way.form is None else _form(way.form, values),
        )
    except FilterError as error:
        raise BackendError(Cause.INVALID_REQUEST, f"this provider cannot be asked for it: {error}") from None


def next_request(following: Next, values: Values, *answers: object, path: Text | None = None) -> Rendered | None:
    """A later request; ``path`` replaces its own. ``None`` when no answer names its URL."""
    if following.ref is not None:
        ref = next((found for each in answers if (found := following.ref.text(each))), None)
        if ref is None:
            return None
        values = {**values, "ref": ref}
    own = following.path if path is None else path
    body = None if following.body is None else _json(following.body, values)
    if own is not None:
        return Rendered(method=following.method, path=_path(own, values), body=body)
    url = None
    if following.url is not None:
        url = next((found for each in answers if (found := following.url.text(each))), None)
    return None if url is None else Rendered(method=following.method, url=url, body=body)


def _path(text: Text, values: Values) -> str:
    found = path_of(text, values)
    if found is None:
        raise FilterError("something in the path is missing")
    return found


def _json(tree: Tree, values: Values) -> bytes:
    found = rendered(tree, values)
    return msgspec.json.encode({} if found is MISSING else found)


def _form(tree: Tree, values: Values) -> tuple[tuple[str, str | Blob], ...]:
    """A list is its field several times."""
    found = rendered(tree, values)
    if found is MISSING or not isinstance(found, dict):
        return ()
    fields: list[tuple[str, str | Blob]] = []
    for name, value in cast("dict[str, object]", found).items():
        members = cast("list[object]", value) if isinstance(value, list) else [value]
        fields += [(name, _field(each)) for each in members]
    return tuple(fields)


def _field(value: object) -> str | Blob:
    return value if isinstance(value, str | Blob) else msgspec.json.encode(value).decode()
