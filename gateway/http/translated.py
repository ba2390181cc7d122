"""Serves an exchange in a dialect that the backend may not speak: the one place where answers are read and rewritten.

A backend that speaks it is passed on byte for byte. What is said, and how, is the ``Dialect``'s; whom is asked the
dispatcher's. Before the head is out errors raise, after it they are events. Headers go out within a moment and life
signs follow, while another candidate may still be tried.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from litestar.types import Scope, Send
from msgspec import Struct

from backends.contract import Call
from backends.errors import BackendError
from backends.wire import sse
from gateway.http.answer import note_opened
from gateway.http.hangup import cancel_when_gone
from gateway.http.keepalive import HEAD, KeepAlive
from gateway.http.replies import LAST_WORDS, note_failure
from gateway.http.services import Services
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate, Opened, Route
from gateway.routing.usage import from_tail
from gateway.telemetry.exchange import Exchange


class Dialect(Protocol):
    """One answer as a client wants to read it. Frames are bytes of a stream, empty when there is nothing to say."""

    def whole(self, completion: bytes) -> bytes:
        """A plain answer. Raises ``BackendError(UPSTREAM_PROTOCOL)``."""
        ...

    def life_sign(self) -> bytes:
        """Something to say while there is no answer."""
        ...

    def begin(self) -> bytes:
        """What comes before the first chunk, if it has not been said as a life sign."""
        ...

    def chunk(self, data: bytes) -> bytes:
        """The frames of one event of the backend. Raises ``BackendError``."""
        ...

    def end(self) -> bytes:
        """The last frames of a stream that ended well."""
        ...

    def failure(self, error: BackendError) -> bytes:
        """The last frames of one that did not."""
        ...


def _never(_: Candidate) -> bool:
    return False


async def _nothing() -> None:
    pass


class Telling(Struct, frozen=True, kw_only=True):
    """How an answer comes about. ``keep`` is awaited when the whole of it is known, before its client knows.

    ``speaks``: the candidate answers in this dialect, and what it says is left as it is.
    """

    route: Route
    ask: Ask
    call: Callable[[Candidate], Call]
    dialect: Dialect
    keep: Callable[[], Awaitable[None]] = _nothing
    speaks: Callable[[Candidate], bool] = _never


async def serve_translated(services: Services, scope: Scope, send: Send, exchange: Exchange, telling: Telling) -> None:
    """Answers, as a stream when the exchange is one. Raises ``BackendError`` only while nothing has been sent."""
    cancel_when_gone(scope)
    if not exchange.stream:
        await _plain(services, send, exchange, telling)
        return
    settings, dialect = services.settings, telling.dialect
    scope[LAST_WORDS] = dialect.failure  # type: ignore[literal-required]
    keepalive = KeepAlive(send, dialect.life_sign, settings.keepalive_after, settings.keepalive_every)
    try:
        opened = await services.dispatcher.open(telling.route, telling.call, exchange.key_id, telling.ask)
    except BackendError as error:
        if not await keepalive.stop():
            raise
        note_failure(exchange, error)
        await send({"type": "http.response.body", "body": dialect.failure(error), "more_body": False})
        return
    except BaseException:
        keepalive.cancel()
        raise
    try:
        head_sent = await keepalive.stop()
        note_opened(exchange, opened)
        await _relay(services, send, exchange, opened, telling, head_sent=head_sent)
        _note_tokens(exchange, opened)
    finally:
        opened.close()


async def _plain(services: Services, send: Send, exchange: Exchange, telling: Telling) -> None:
    opened = await services.dispatcher.open(telling.route, telling.call, exchange.key_id, telling.ask)
    try:
        note_opened(exchange, opened)
        said = opened.reply.first
        body = said if telling.speaks(opened.candidate) else telling.dialect.whole(said)
        _note_tokens(exchange, opened)
    finally:
        opened.close()
    await telling.keep()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _relay(
    services: Services, send: Send, exchange: Exchange, opened: Opened, telling: Telling, *, head_sent: bool
) -> None:
    model, parser, reply, dialect = exchange.model, sse.Parser(), opened.reply, telling.dialect
    spoken = telling.speaks(opened.candidate)
    services.recorder.stream_opened(model)

    def told(chunk: bytes) -> bytes:
        exchange.last_event = time.perf_counter()
        if spoken:
            exchange.events += chunk.count(b"\n\n")
            return chunk
        events = parser.feed(chunk)
        exchange.events += len(events)
        return b"".join(dialect.chunk(event.data) for event in events if event.data != sse.DONE)

    try:
        if not head_sent:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEAD)})
        begin = b"" if spoken else dialect.begin()
        await send({"type": "http.response.body", "body": begin + told(reply.first), "more_body": True})
        async for chunk in reply:
            if frames := told(chunk):
                await send({"type": "http.response.body", "body": frames, "more_body": True})
        last = b"" if spoken else dialect.end()
        await telling.keep()
        await send({"type": "http.response.body", "body": last, "more_body": False})
    except BackendError as error:
        note_failure(exchange, error)
        await send({"type": "http.response.body", "body": dialect.failure(error), "more_body": False})
    finally:
        services.recorder.stream_closed(model)


def _note_tokens(exchange: Exchange, opened: Opened) -> None:
    tokens = from_tail(opened.reply.usage_tail)
    exchange.tokens_in, exchange.tokens_out = tokens.input, tokens.output
    exchange.tokens_cached, exchange.tokens_reasoning = tokens.cached, tokens.reasoning
