"""``GET /v1/media/{name}``: pictures behind signed links. The link is the permission, so no key is asked for."""

import time
from urllib.parse import parse_qs

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from backends.errors import BackendError, Cause
from gateway.http.media_links import PREFIX, MediaLinks
from gateway.http.services import Services


def media_route(services: Services) -> HTTPRouteHandler:
    """The one route."""

    @get(f"{PREFIX}{{name:str}}")
    async def media(name: FromPath[str], request: Request[None, None, State]) -> Response[bytes]:
        asked = parse_qs(request.scope["query_string"].decode("latin-1"), max_num_fields=8)
        found = await links_of(services).open(name, _one(asked, "expires"), _one(asked, "signature"), time.time())
        headers = {key.decode(): value.decode() for key, value in found.headers}
        return Response(found.body, headers=headers, media_type=headers.pop("content-type"))

    return media


def links_of(services: Services) -> MediaLinks:
    """Raises ``BackendError(DRAINING)`` before the gateway has started."""
    if services.links is None:
        raise BackendError(Cause.DRAINING, "the gateway has not started yet")
    return services.links


def _one(asked: dict[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]
