"""The operator API: /api/ps, /devices, /queue, /decisions, /load, /unload, /explain and /catalog below it.

Needs the ``admin`` scope. Shows and asks; every decision stays with the scheduler.
"""

import time
from datetime import UTC, datetime

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.wire.decode import decode
from gateway.http.body import read_body, require_json
from gateway.http.replies import exchange_of
from gateway.http.services import Services
from gateway.routing.egress import permit_of
from gateway.routing.explain import Explanation, explain
from gateway.routing.route import Offered
from gateway.scheduling.views import (
    DecisionView,
    DeviceView,
    QueueView,
    ResidentView,
    decisions,
    devices,
    queued,
    residents,
)


class LoadRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``model`` as a client would name it; ``pin`` keeps it from eviction and idle unloading."""

    model: str
    pin: bool = False


class UnloadRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``model`` or ``profile:variant``; every resident variant of it is drained and stopped."""

    model: str


class Loaded(Struct, frozen=True):
    model: str
    variant: str
    seconds: float


class Unloaded(Struct, frozen=True):
    model: str
    stopping: list[str]


class CatalogState(Struct, frozen=True):
    """``problems`` are those of the last load; the catalog before it is served while there are any."""

    generation: int
    version: str
    models: int
    loaded_at: float | None
    problems: list[str]


def explanation_of(services: Services, model: str, key_id: str) -> Explanation:
    """What a request for ``model`` would get, with that key."""
    route = services.table().route(model)
    permit = permit_of(services.settings.cloud, services.keys.policy(key_id), local_only=False)

    def objection(offered: Offered) -> str | None:
        return services.spillway.objection(offered, permit, asked_for=not route.candidates)

    return explain(route, services.runtime, services.dispatcher.missing, objection=objection)


def operator_routes(services: Services) -> list[HTTPRouteHandler]:
    """All handlers of ``/api``."""
    runtime = services.runtime

    @get("/api/ps", sync_to_thread=False)
    def ps() -> dict[str, list[ResidentView]]:
        return {"residents": residents(runtime, time.monotonic())}

    @get("/api/devices", sync_to_thread=False)
    def show_devices() -> dict[str, list[DeviceView]]:
        return {"devices": devices(runtime)}

    @get("/api/queue", sync_to_thread=False)
    def queue() -> dict[str, list[QueueView]]:
        return {"queue": queued(runtime, time.monotonic())}

    @get("/api/decisions", sync_to_thread=False)
    def show_decisions() -> dict[str, list[DecisionView]]:
        return {"decisions": decisions(runtime, time.monotonic(), datetime.now(UTC))}

    @get("/api/catalog", sync_to_thread=False)
    def catalog() -> CatalogState:
        store = services.catalog
        return CatalogState(
            store.generation,
            store.catalog.version,
            len(store.catalog.profiles),
            store.loaded_at,
            [str(problem) for problem in store.last_problems],
        )

    @post("/api/load", status_code=200)
    async def load(request: Request[None, None, State]) -> Loaded:
        require_json(request.scope)
        wanted = decode(await read_body(request.scope, request.receive, services.body_limits), LoadRequest)
        begun = time.monotonic()
        candidate = await services.dispatcher.load(services.table().route(wanted.model), pin=wanted.pin)
        return Loaded(candidate.profile.id, candidate.variant.name, round(time.monotonic() - begun, 3))

    @post("/api/unload", status_code=200)
    async def unload(request: Request[None, None, State]) -> Unloaded:
        require_json(request.scope)
        wanted = decode(await read_body(request.scope, request.receive, services.body_limits), UnloadRequest)
        route = services.table().route(wanted.model)
        names = [c.target.variant_id for c in route.candidates]
        return Unloaded(route.profile.id, [name for name in names if runtime.unload(name)])

    @get("/api/explain", sync_to_thread=False)
    def explain_model(request: Request[None, None, State], model: FromQuery[str] = "") -> Explanation:
        if not model:
            raise BackendError(Cause.INVALID_REQUEST, "name a model: /api/explain?model=NAME", param="model")
        return explanation_of(services, model, exchange_of(request.scope).key_id)

    return [ps, show_devices, queue, show_decisions, catalog, load, unload, explain_model]
