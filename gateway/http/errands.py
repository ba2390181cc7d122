"""What a request may do in the cloud, and what it may cost there: from its key, its headers and its size."""

import re

from msgspec.structs import replace

from backends.contract import Task
from gateway.http.services import Services
from gateway.routing.egress import permit_of
from gateway.routing.errand import NOWHERE, Errand
from gateway.routing.picture_job import Wish
from gateway.routing.route import Route
from gateway.spending.cost import Pictures, Wanted
from gateway.telemetry.exchange import Exchange

_SHOWN = re.compile(rb'"data:image/|"media_type":\s*"image/')
_PICTURE = re.compile(rb'base64,[A-Za-z0-9+/=]+|"data":\s*"[A-Za-z0-9+/=]{256,}')


def errand_of(
    services: Services,
    exchange: Exchange,
    route: Route,
    body: bytes,
    tokens: int | None,
    n: int = 1,
    task: Task = Task.CHAT,
) -> Errand:
    """``tokens``, ``n`` and ``task`` are what the request asks for; a route without the cloud costs no look."""
    if not route.cloud:
        return NOWHERE
    text, pictures = _PICTURE.subn(b"", body)
    wanted = Wanted(text_bytes=len(text), pictures_read=pictures + body.count(b'"url"'), output_tokens=tokens or 0, n=n)
    errand = visit(services, exchange, route, task)
    return replace(errand, wanted=wanted, shows=_SHOWN.search(body) is not None)


def visit(services: Services, exchange: Exchange, route: Route, task: Task) -> Errand:
    """What may be done for ``task``, before anybody knows what it would cost."""
    if not route.cloud:
        return NOWHERE
    policy = services.keys.policy(exchange.key_id)
    permit = permit_of(services.settings.cloud, policy, local_only=exchange.local_only)
    return Errand(permit=permit, key=exchange.key_id, budget=policy.budget, task=task)


def picture_errand(services: Services, exchange: Exchange, route: Route, wish: Wish) -> Errand:
    """Of a wish for pictures."""
    if not route.cloud:
        return NOWHERE
    quality = None if wish.effort == "auto" else wish.effort
    pictures = Pictures(count=len(wish.seeds), pixels=wish.width * wish.height, quality=quality)
    wanted = Wanted(
        text_bytes=len(wish.prompt.encode()), pictures_read=len(wish.images), n=len(wish.seeds), pictures=pictures
    )
    return replace(visit(services, exchange, route, wish.task), wanted=wanted)
