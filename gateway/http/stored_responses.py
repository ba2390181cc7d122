"""Stored responses: looked at, listed by what led to them, deleted."""

import asyncio
from typing import Annotated

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from msgspec import Raw, Struct

from backends.errors import BackendError, Cause
from gateway.conversations.store import Stored
from gateway.http.replies import exchange_of
from gateway.http.responses import PATH, store_of
from gateway.http.services import Services

Asked = Request[None, None, State]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


class ItemList(Struct, frozen=True, kw_only=True):
    """A page of what led to a response, oldest first."""

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
    async def one(name: FromPath[str], request: Asked) -> Response[bytes]:
        return Response((await found(request, name)).response, media_type="application/json")

    @get(f"{PATH}/{{name:str}}/input_items")
    async def items(name: FromPath[str], request: Asked, limit: Limit = 20) -> Response[bytes]:
        stored = await found(request, name)
        page = ItemList(data=stored.items[:limit], has_more=len(stored.items) > limit)
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


def _absent(name: str) -> BackendError:
    return BackendError(Cause.NOT_FOUND, f"there is no response {name[:80]}", code="response_not_found")
