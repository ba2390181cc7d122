"""A request's head as ASGI's ``scope``. Pure; what may be in a head is the listener's to say."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from httptools import parse_url

if TYPE_CHECKING:
    from uvicorn._types import HTTPScope


def http_scope(
    method: bytes,
    url: bytes,
    version: str,
    headers: list[tuple[bytes, bytes]],
    server: tuple[str, int | None] | None,
    client: tuple[str, int] | None,
    state: dict[str, Any],
) -> "HTTPScope":
    """``headers`` have lower-case names. Raises httptools' error, or ``AttributeError``, for a URL that has no path."""
    path, raw_path, query = _taken_apart(url)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": version,
        "server": server,
        "client": client,
        "scheme": "http",
        "method": method.decode("ascii"),
        "root_path": "",
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
        "state": state,
    }


@lru_cache(maxsize=256)
def _taken_apart(url: bytes) -> tuple[str, bytes, bytes]:
    target = parse_url(url)
    path = target.path.decode("ascii")
    return unquote(path) if "%" in path else path, target.path, target.query or b""
