"""What a text request may do in the cloud, and what it may cost there: from its key, its headers and its size."""

import re

from backends.contract import Task
from gateway.http.services import Services
from gateway.routing.egress import Permit
from gateway.routing.errand import NOWHERE, Errand
from gateway.routing.route import Route
from gateway.spending.cost import Wanted
from gateway.telemetry.exchange import Exchange

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
    policy = services.keys.policy(exchange.key_id)
    text, pictures = _PICTURE.subn(b"", body)
    return Errand(
        permit=Permit(
            server=services.settings.cloud,
            key=policy.cloud,
            local_only=exchange.local_only,
            no_training=policy.no_training,
            retention_days=policy.retention_days,
        ),
        key=exchange.key_id,
        budget=policy.budget,
        wanted=Wanted(
            text_bytes=len(text), pictures_read=pictures + body.count(b'"url"'), output_tokens=tokens or 0, n=n
        ),
        task=task,
    )
