"""Stored responses: looked at, listed by what led to them, deleted."""

import asyncio
from typing import Annotated, Literal

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Raw, Struct

from backends.errors import BackendError, Cause
from backends.translate.responses.listed import listed
from gateway.conversations.store import Stored
from gateway.http.replies import exchange_of
from gateway.http.responses import PATH, store_of
from gateway.http.services import Services

Asked = Request[None, None, State]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


class ItemList(Struct, frozen=True, kw_only=True):
    """A page of what led to a response."""

    data: list[Raw]
    has_more: bool
    first_id: str | None = None
    last_id: str | None = None
    object: str = "list"


class Deleted(Struct, frozen=True, kw_only=True):
    id: str
    deleted: bool = True
    object: str = "response"


def stored_response_routes(services: Services) -> list[HTTPRouteHandler]:
    """All of them."""

    async def found(request: Asked, name: str) -> Stored:
        owner = exchange_of(request.scope).key_id
        stored = await asyncio.to_thread(store_of(services).get, owner, name)
        if stored is None:
            raise _absent(name)
        return stored

    @get(f"{PATH}/{{name:str}}")
    async def one(name: FromPath[str], request: Asked, stream: FromQuery[bool] = False) -> Response[bytes]:
        if stream:
            raise BackendError(Cause.INVALID_REQUEST, "what is stored is not streamed again", param="stream")
        return Response((await found(request, name)).response, media_type="application/json")

    @get(f"{PATH}/{{name:str}}/input_items")
    async def items(
        name: FromPath[str],
        request: Asked,
        limit: Limit = 20,
        after: FromQuery[str | None] = None,
        order: FromQuery[Literal["asc", "desc"]] = "desc",
    ) -> Response[bytes]:
        page = page_of(await found(request, name), limit, after, order)
        return Response(msgspec.json.encode(page), media_type="application/json")

    @delete(f"{PATH}/{{name:str}}", status_code=200)
    async def remove(name: FromPath[str], request: Asked) -> Deleted:
        owner = exchange_of(request.scope).key_id
        if not await asyncio.to_thread(store_of(services).remove, owner, name):
            raise _absent(name)
        return Deleted(id=name)

    @post(f"{PATH}/{{name:str}}/cancel", status_code=200)
    async def cancel(name: FromPath[str], request: Asked) -> Response[bytes]:
        await found(request, name)
        raise BackendError(Cause.INVALID_REQUEST, "only a response in the background can be cancelled: hang up instead")

    return [one, items, remove, cancel]


def page_of(stored: Stored, limit: int, after: str | None, order: Literal["asc", "desc"]) -> ItemList:
    """``after`` is the name of the last item seen. Raises ``BackendError(INVALID_REQUEST)`` for one that is none."""
    own = stored.id.removeprefix("resp_")
    items = [listed(item, f"item_{own}{index:04x}") for index, item in enumerate(stored.items)]
    names = [msgspec.json.decode(item, type=_Named).id for item in items]
    if order == "desc":
        items.reverse()
        names.reverse()
    if after is not None and after not in names:
        raise BackendError(Cause.INVALID_REQUEST, "there is no such item to list after", param="after")
    start = 0 if after is None else names.index(after) + 1
    end = start + limit
    shown = names[start:end]
    return ItemList(
        data=items[start:end], has_more=end < len(items), first_id=shown[0] if shown else None,
        last_id=shown[-1] if shown else None,
    )  # fmt: skip


class _Named(Struct):
    id: str


def _absent(name: str) -> BackendError:
    return BackendError(Cause.NOT_FOUND, f"there is no response {name[:80]}", code="response_not_found")
