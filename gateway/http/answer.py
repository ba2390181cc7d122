"""From a route to bytes at the client: the one function that serves every answer, plain or streamed.

Bytes are never re-encoded; a key may get the name that clients know. Before the commit point errors raise; after it
they become an event and the stream ends.
"""

import time
from collections.abc import Callable

from litestar.types import Scope, Send

from backends.contract import Call
from backends.errors import BackendError
from backends.translate.renamed_key import RenamedKey, Renaming
from backends.wire import sse
from gateway.http.hangup import cancel_when_gone
from gateway.http.keepalive import HEAD, KeepAlive
from gateway.http.replies import error_body, note_failure
from gateway.http.services import Services
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate, Opened, Route
from gateway.routing.usage import from_tail
from gateway.telemetry.exchange import Exchange


def as_it_comes(_: Candidate) -> Renaming | None:
    """Every key has the name that clients know."""
    return None


async def answer(
    services: Services,
    scope: Scope,
    send: Send,
    exchange: Exchange,
    route: Route,
    call: Callable[[Candidate], Call],
    life_sign: Callable[[str, str], bytes] | None,
    ask: Ask,
    renaming: Callable[[Candidate], Renaming | None] = as_it_comes,
) -> None:
    """Serves one request. ``life_sign`` makes the keep-alive event of a stream; ``None`` means a plain answer.
    ``renaming``: the key that the candidate names otherwise than its clients.

    Raises ``BackendError`` only while nothing has been sent. A client that hangs up cancels the calling task, at
    whatever point it is, which closes the backend's connection and gives the lease back.
    """
    cancel_when_gone(scope)
    keepalive: KeepAlive | None = None
    if life_sign is not None:
        event = life_sign(exchange.request_id, route.profile.id)
        settings = services.settings
        keepalive = KeepAlive(send, lambda: event, settings.keepalive_after, settings.keepalive_every)

    try:
        opened = await services.dispatcher.open(route, call, exchange.key_id, ask)
    except BackendError as error:
        if keepalive is None or not await keepalive.stop():
            raise
        note_failure(exchange, error)
        await _end_with_error(send, error)
        return
    except BaseException:
        if keepalive is not None:
            keepalive.cancel()
        raise
    try:
        head_sent = keepalive is not None and await keepalive.stop()
        note_opened(exchange, opened)
        renamed = renaming(opened.candidate)
        if opened.reply.complete:
            await _send_whole(send, opened, renamed)
        else:
            await _relay(services, send, exchange, opened, renamed, head_sent=head_sent)
        tokens = from_tail(opened.reply.usage_tail)
        exchange.tokens_in, exchange.tokens_out = tokens.input, tokens.output
        exchange.tokens_cached, exchange.tokens_reasoning = tokens.cached, tokens.reasoning
    finally:
        opened.close()


def note_opened(exchange: Exchange, opened: Opened) -> None:
    """Who answers, for headers, metrics and the access line."""
    candidate = opened.candidate
    exchange.model = candidate.profile.id
    exchange.variant = candidate.variant.name
    exchange.backend = opened.lease.backend.name
    exchange.where = opened.where
    exchange.reason = opened.reason
    exchange.attempts = opened.attempts
    exchange.nanousd = opened.nanousd
    exchange.waited = opened.lease.waited
    exchange.first_event = exchange.last_event = time.perf_counter()
    exchange.events = 1


async def _send_whole(send: Send, opened: Opened, renaming: Renaming | None) -> None:
    body = opened.reply.first if renaming is None else renaming.whole(opened.reply.first)
    headers = [
        (b"content-type", opened.reply.content_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": opened.reply.status, "headers": headers})
    # The slot is free before the client has read: a slow reader must not hold an engine.
    opened.lease.release()
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _relay(
    services: Services, send: Send, exchange: Exchange, opened: Opened, renaming: Renaming | None, *, head_sent: bool
) -> None:
    reply = opened.reply
    renamed = None if renaming is None else RenamedKey(renaming)
    model = exchange.model
    events, last_event = exchange.events, exchange.last_event
    services.recorder.stream_opened(model)
    try:
        if not head_sent:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEAD)})
        first = reply.first if renamed is None else renamed.feed(reply.first)
        await send({"type": "http.response.body", "body": first, "more_body": True})
        clock = time.perf_counter
        async for chunk in reply:
            events += chunk.count(b"\n\n")
            last_event = clock()
            if renamed is not None:
                chunk = renamed.feed(chunk)  # noqa: PLW2901 - the same bytes under another name
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        rest = b"" if renamed is None else renamed.feed(b"", last=True)
        await send({"type": "http.response.body", "body": rest, "more_body": False})
    except BackendError as error:
        note_failure(exchange, error)
        await _end_with_error(send, error)
    finally:
        exchange.events, exchange.last_event = events, last_event
        services.recorder.stream_closed(model)


async def _end_with_error(send: Send, error: BackendError) -> None:
    """An error event and the end, without ``[DONE]``: no client may take a broken stream for a whole one."""
    event = sse.event(error_body(error))
    await send({"type": "http.response.body", "body": event, "more_body": False})
