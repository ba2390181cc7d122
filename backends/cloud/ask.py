"""One exchange with a provider that is no relayed call: what is asked, and the whole answer. Shapes only."""

import aiohttp
from msgspec import Struct
from yarl import URL


class Ask(Struct, frozen=True, kw_only=True):
    """``body`` is sent as it is with ``content_type``; a form brings its own. ``seconds`` are for all of it."""

    url: URL
    method: str = "GET"
    body: bytes | aiohttp.FormData | None = None
    content_type: str | None = None
    headers: dict[str, str] = {}
    seconds: float = 60.0


class Answer(Struct, frozen=True, kw_only=True):
    """Names of ``headers`` are in lower case."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300
