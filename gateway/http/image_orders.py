"""From an image request to an order: its route, the wish in the words of no dialect, and how the answer is told."""

import base64
import secrets
import time

from litestar.types import Scope

from backends.contract import Task
from backends.errors import BackendError, Cause
from backends.wire.media_job import Artifact, Lora, Output
from backends.wire.openai_images import ImageRequest
from backends.wire.openai_images_reply import Kind
from gateway.catalog.picture_size import Size, snap
from gateway.http.body import header
from gateway.http.errands import visit
from gateway.http.media_route import links_of
from gateway.http.picture_serving import Order
from gateway.http.picture_telling import Keep, OpenAITelling
from gateway.http.services import Services
from gateway.routing.errand import NOWHERE, Errand
from gateway.routing.pick import Ask
from gateway.routing.picture_job import Wish
from gateway.routing.preference import preferred
from gateway.routing.route import Route
from gateway.scheduling.ticket import Priority
from gateway.telemetry.exchange import Exchange

_MOST_SEED = 2**31
_PRIORITIES = {"": Priority.INTERACTIVE, "interactive": Priority.INTERACTIVE, "batch": Priority.BATCH}
"""What ``x-forebay-priority`` and ``service_tier`` say."""


def require_post(exchange: Exchange) -> None:
    """Raises ``BackendError(METHOD_NOT_ALLOWED)``."""
    if exchange.method != "POST":
        raise BackendError(Cause.METHOD_NOT_ALLOWED, f"{exchange.method} is not allowed here: use POST")


def route_of(services: Services, exchange: Exchange, request: ImageRequest, task: Task) -> Route:
    """Of the model that is named, or of the best that is here."""
    table = services.table()
    name = request.model
    if name is None:
        name = preferred(table.catalog, task, table.fits, services.dispatcher.missing).id
    route = table.route(name)
    exchange.model = route.profile.id
    exchange.stream = bool(request.stream)
    services.spillway.require(route, visit(services, exchange, route, task))
    return route


def wish_of(
    request: ImageRequest,
    route: Route,
    task: Task,
    prompt: str,
    *,
    usual_size: Size | None = None,
    images: tuple[str, ...] = (),
    mask: str | None = None,
) -> Wish:
    """What is wanted. ``images`` and ``mask`` are paths of files that were checked, ``usual_size`` is theirs."""
    picture = route.profile.picture
    if picture is None:
        able = ", ".join(each.value for each in route.profile.tasks)
        detail = f"{route.profile.id} does not serve {task.value}; it serves {able}"
        raise BackendError(Cause.INVALID_REQUEST, detail, param="model", code="model_not_supported")
    width, height = snap(request.asked_size or usual_size, picture)
    return Wish(
        task=task,
        prompt=prompt,
        negative_prompt=request.negative_prompt,
        width=width,
        height=height,
        seeds=seeds_of(request),
        steps=request.steps,
        effort=request.effort,
        guidance=request.guidance_scale,
        strength=request.strength,
        images=images,
        mask=mask,
        loras=tuple(Lora(each.name, each.scale) for each in request.loras or ()),
        previews=request.partial_images or 0,
        output=Output(format=request.output_format or "png", quality=request.output_compression),
    )


def order_of(
    request: ImageRequest, wish: Wish, exchange: Exchange, kind: Kind, keep: Keep | None = None,
    errand: Errand = NOWHERE,
) -> Order:  # fmt: skip
    """The wish with its urgency, what it may do elsewhere, and how its answer is told."""
    word = exchange.priority or ("batch" if request.service_tier == "flex" else "")
    if word not in _PRIORITIES:
        raise BackendError(Cause.INVALID_REQUEST, "x-forebay-priority is interactive or batch")
    return Order(
        wish=wish,
        ask=Ask(priority=_PRIORITIES[word], request=exchange.request_id, errand=errand),
        telling=OpenAITelling(kind=kind, request=request, wish=wish, keep=keep),
        stream=bool(request.stream),
    )


def seeds_of(request: ImageRequest) -> tuple[int, ...]:
    """As asked; one number counts up from picture to picture; none is drawn, and told in the answer."""
    match request.seed:
        case None:
            return tuple(secrets.randbelow(_MOST_SEED) for _ in range(request.pictures))
        case int(first):
            return tuple(first + number for number in range(request.pictures))
        case seeds:
            return tuple(seeds)


def keep_of(services: Services, request: ImageRequest, scope: Scope) -> Keep | None:
    """What makes links of pictures, where links are wanted: below the address that the client used."""
    if request.response_format != "url":
        return None
    links = links_of(services)
    host = (header(scope, b"host") or b"").decode("latin-1")

    async def keep(artifact: Artifact) -> str:
        path = await links.keep(base64.b64decode(artifact.data), artifact.format, time.time())
        return f"{scope['scheme']}://{host}{path}"

    return keep
