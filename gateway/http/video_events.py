"""``GET /v1/videos/{id}/events``: what is new about a job, as server-sent events, until it has ended.

It looks at the row, so it does not matter which gateway runs the job. A client that leaves stops nothing.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from backends.errors import BackendError
from backends.wire import sse
from gateway.http.replies import error_body, exchange_of, note_failure
from gateway.http.services import Services
from gateway.http.video_telling import event_of
from gateway.http.videos_of import note_video, videos_of
from gateway.jobs.desk import JobDesk
from gateway.jobs.job import ENDED, Job
from gateway.telemetry.exchange import Exchange

_LOOK_EVERY = 0.5
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def events_route(services: Services) -> HTTPRouteHandler:
    """The one route."""

    @get("/v1/videos/{name:str}/events")
    async def events(name: FromPath[str], request: Request[None, None, State]) -> Stream:
        exchange = exchange_of(request.scope)
        note_video(request.scope, "/v1/videos/{id}/events")
        exchange.stream = True
        desk = videos_of(services).desk
        job = await desk.get(exchange.key_id, name)
        told = _told(desk, exchange, job, services.settings.keepalive_every)
        return Stream(told, headers=_HEADERS, media_type="text/event-stream")

    return events


async def _told(desk: JobDesk, exchange: Exchange, job: Job, every: float) -> AsyncIterator[bytes]:
    """An event when anything has changed, and at least ``every`` seconds; the last one says how it ended."""
    loop = asyncio.get_running_loop()
    said, at = b"", 0.0
    try:
        while True:
            event = sse.event(msgspec.json.encode(event_of(job)))
            if event != said or loop.time() - at >= every:
                said, at = event, loop.time()
                exchange.events += 1
                yield event
            if job.status in ENDED:
                return
            await asyncio.sleep(_LOOK_EVERY)
            job = await desk.get(job.owner, job.id)
    except BackendError as error:
        note_failure(exchange, error)
        yield sse.event(error_body(error))
