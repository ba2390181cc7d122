"""Serves a wish for pictures: sizes the route, runs the job wherever the dispatcher finds room, and answers.

Plain answers are sent whole; streams tell of the queue, of steps and previews on the way. Bodies and events are made by
``Telling``, the one thing here that knows a dialect.
"""

import time
from collections.abc import Iterator
from typing import Protocol

import msgspec
from litestar.types import Scope, Send
from msgspec import Struct

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.lines import understood
from backends.wire import sse
from backends.wire.media_job import Artifact, Done, Event, Preview, Step
from gateway.http.answer import note_opened
from gateway.http.event_stream import EventStream
from gateway.http.hangup import cancel_when_gone
from gateway.http.replies import error_body, note_failure
from gateway.http.services import Services
from gateway.routing.pick import Ask
from gateway.routing.picture_job import Wish, check, job_of, only_able, work_of
from gateway.routing.route import Candidate, Opened, Route
from gateway.scheduling.demand import Demand
from gateway.telemetry.exchange import Exchange


class Place(Struct, frozen=True):
    """Where a waiting request is: how many are before it, and the seconds it has to expect."""

    ahead: int
    seconds: float


class Telling(Protocol):
    """What a dialect says. Everything is a whole body or the data of one event, in JSON."""

    def queued(self, place: Place | None) -> bytes:
        """It waits; ``None`` once it does not."""
        ...

    def progress(self, step: Step) -> bytes: ...

    def preview(self, preview: Preview) -> bytes: ...

    async def finished(self, artifact: Artifact, opened: Opened) -> bytes: ...

    async def whole(self, artifacts: list[Artifact], opened: Opened) -> bytes: ...


class Order(Struct, frozen=True, kw_only=True):
    """A wish, how urgent it is, and how its answer is told. ``stream``: as events."""

    wish: Wish
    ask: Ask
    telling: Telling
    stream: bool = False


async def serve(services: Services, scope: Scope, send: Send, exchange: Exchange, route: Route, order: Order) -> None:
    """Answers ``order``. Raises ``BackendError`` only while nothing has been sent."""
    wish = order.wish
    check(wish, route.profile)
    cancel_when_gone(scope)
    sized = services.table().sized(only_able(wish, route), demand_of(wish))
    best = next(iter(sized.candidates), None)
    cost = best and services.experience.paces.seconds(best.target.variant_id, work_of(wish, best))
    priced = msgspec.structs.replace(order, ask=msgspec.structs.replace(order.ask, cost=cost))
    serving = _Serving(services, exchange, sized, priced)
    await (serving.stream(send) if order.stream else serving.plain(send))


def demand_of(wish: Wish) -> Demand:
    """What memory depends on. Pictures of one wish are made one after the other."""
    return Demand(width=wish.width, height=wish.height, images=1)


class _Serving:
    """One request."""

    def __init__(self, services: Services, exchange: Exchange, route: Route, order: Order) -> None:
        self._services = services
        self._exchange = exchange
        self._route = route
        self._order = order
        self._stream: EventStream | None = None

    async def plain(self, send: Send) -> None:
        opened = await self._open()
        try:
            note_opened(self._exchange, opened)
            events = list(_events(opened.reply.first))
            self._learn(opened, events[-1])
            artifacts = [event for event in events if isinstance(event, Artifact)]
            opened.lease.release()  # the slot is free before the client has read
            body = await self._order.telling.whole(artifacts, opened)
        finally:
            opened.close()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def stream(self, send: Send) -> None:
        settings = self._services.settings
        telling = self._order.telling
        stream = self._stream = EventStream(
            send, lambda: telling.queued(self._place()), settings.keepalive_after, settings.keepalive_every
        )
        try:
            opened = await self._open()
            try:
                await self._relay(stream, opened)
            finally:
                opened.close()
        except BackendError as error:
            if not stream.begun:
                stream.cancel()
                raise
            note_failure(self._exchange, error)
            await stream.finish(sse.event(error_body(error)))
        except BaseException:
            stream.cancel()
            raise
        else:
            await stream.finish()

    async def _open(self) -> Opened:
        order, exchange = self._order, self._exchange
        return await self._services.dispatcher.open(self._route, self._call, exchange.key_id, order.ask)

    def _call(self, candidate: Candidate) -> Call:
        settings, exchange = self._services.settings, self._exchange
        exchange.sent_upstream = time.perf_counter()
        return Call(
            path="/jobs",
            body=msgspec.json.encode(job_of(self._order.wish, candidate, exchange.request_id)),
            lines=True,
            heard=self._heard if self._order.stream else None,
            stream=self._order.stream,
            request_id=exchange.request_id,
            first_event_timeout=settings.first_event_timeout,
            idle_timeout=settings.idle_timeout,
        )

    def _heard(self, line: bytes) -> None:
        """Before the commit point: another worker may still have to begin anew, so steps may go back."""
        event = understood(line)
        if isinstance(event, Step) and self._stream is not None:
            self._stream.tell(self._order.telling.progress(event))

    async def _relay(self, stream: EventStream, opened: Opened) -> None:
        note_opened(self._exchange, opened)
        telling = self._order.telling
        async for event in _arriving(opened):
            if isinstance(event, Step):
                stream.tell(telling.progress(event))
            elif isinstance(event, Preview):
                stream.tell(telling.preview(event))
            elif isinstance(event, Artifact):
                stream.tell(await telling.finished(event, opened))
            self._exchange.events += 1
            self._exchange.last_event = time.perf_counter()
            if isinstance(event, Done):
                self._learn(opened, event)
                return
        raise BackendError(Cause.STREAM_BROKEN, "the backend ended in the middle of a job")

    def _learn(self, opened: Opened, last: Event) -> None:
        if isinstance(last, Done) and not opened.candidate.provider:
            work = work_of(self._order.wish, opened.candidate)
            self._services.experience.note(opened.candidate, work, demand_of(self._order.wish), last)

    def _place(self) -> Place | None:
        scheduler = self._services.runtime.scheduler
        for ahead, ticket in enumerate(scheduler.queue):
            if ticket.request == self._exchange.request_id:
                return Place(ahead, round(scheduler.forecast.left(ticket), 1))
        return None


def _events(raw: bytes) -> Iterator[Event]:
    return (understood(line) for line in raw.splitlines())


async def _arriving(opened: Opened):
    rest = opened.reply.first
    async for chunk in opened.reply:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield understood(line)
    for event in _events(rest):
        yield event
