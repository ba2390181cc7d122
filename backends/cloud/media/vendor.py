"""One model at one provider, and the ways to it: what every part of a job's making needs. Sends; decides nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
from msgspec import Struct
from yarl import URL

from backends.cloud.ask import Answer, Ask
from backends.cloud.client import CloudClient
from backends.cloud.media.downloads import Downloads
from backends.cloud.media.plan import Plan
from backends.cloud.media.request import Rendered
from backends.cloud.media.value import Blob
from backends.cloud.origin import endpoint
from backends.cloud.provider import Provider

MOST_AT_ONCE = 4
"""Requests for one job: pictures of vendors that make one at a time."""


class Pace(Struct, frozen=True, kw_only=True):
    """The clock, in seconds. ``alive``: how long nothing may be said."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    alive: float = 8.0
    spell: float = 30.0
    """For what only takes an exchange: a look, a cancelling."""


class Vendor(Struct, frozen=True, kw_only=True):
    """``given``: the provider's own names, for paths."""

    provider: Provider
    model: str
    plan: Plan
    client: CloudClient
    downloads: Downloads
    pace: Pace
    given: dict[str, str]

    async def send(self, request: Rendered, seconds: float) -> Answer:
        """Raises as ``CloudClient.ask``."""
        url = URL(request.url) if request.url else endpoint(self.provider, request.path)
        body: bytes | aiohttp.FormData | None = request.body
        kind = None if body is None else "application/json"
        if request.form:
            body = _form(request.form)
        ask = Ask(
            url=url, method=request.method, body=body, content_type=kind, headers=request.headers, seconds=seconds
        )
        return await self.client.ask(self.provider, ask)

    async def upload(self, path: str, field: str | None, blob: Blob, seconds: float) -> Answer:
        """One file, as the body or as a form's field. Raises as ``CloudClient.ask``."""
        url = endpoint(self.provider, path)
        body = blob.data if field is None else _form(((field, blob),))
        kind = blob.media_type if field is None else None
        return await self.client.ask(
            self.provider, Ask(url=url, method="POST", body=body, content_type=kind, seconds=seconds)
        )


def _form(fields: tuple[tuple[str, str | Blob], ...]) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields:
        if isinstance(value, Blob):
            form.add_field(name, value.data, filename=f"file.{value.ending}", content_type=value.media_type)
        else:
            form.add_field(name, value)
    return form
