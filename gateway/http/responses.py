"""``POST /v1/responses`` over any backend that speaks chat; what is stored is served beside it.

The request becomes a chat request, the answer a Response. An upgrade to a WebSocket is answered with 426, which sends
its clients back to HTTP at once; other refusals make them try for seconds.
"""

import asyncio
import logging
import re
import secrets
import time

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Raw, structs

from backends.contract import Call, Task
from backends.errors import BackendError, Cause
from backends.translate.responses.reply import begin
from backends.translate.responses.request import to_chat
from backends.wire.decode import decode
from backends.wire.openai_responses import ResponsesRequest
from gateway.conversations.store import ResponseStore, Stored
from gateway.http.asked_chat import asked_chat
from gateway.http.body import read_body, require_json
from gateway.http.engine_body import body_for, salt_of
from gateway.http.errands import errand_of
from gateway.http.replies import exchange_of
from gateway.http.responses_dialect import ResponsesDialect
from gateway.http.services import Services
from gateway.http.text import sees, text_ask
from gateway.http.translated import Telling, serve_translated
from gateway.routing.route import Candidate, Route
from gateway.telemetry.exchange import Exchange

PATH = "/v1/responses"
_log = logging.getLogger("forebay.dialects")
_ITEM = re.compile(r"[a-z]{2,8}_([0-9a-f]{48})[0-9a-f]{2,4}")
_MESSAGE = b'{"type":"message","role":"user","content":%b}'


def responses_handler(services: Services) -> ASGIApp:
    """The one route."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.endpoint = PATH
        if exchange.method == "GET":
            await _send_back_to_http(send)
            return
        if exchange.method != "POST":
            raise BackendError(Cause.METHOD_NOT_ALLOWED, f"{exchange.method} is not allowed here: use POST")
        require_json(scope)
        body = await read_body(scope, receive, services.body_limits)
        request = decode(body, ResponsesRequest)
        store = store_of(services)
        items = await _history(store, exchange.key_id, request)
        route = services.table().route(request.model)
        require_chat(route)
        exchange.model = route.profile.id
        exchange.stream = bool(request.stream)
        whole = structs.replace(request, input=items, max_output_tokens=clamped(request.max_output_tokens, route))
        translation = to_chat(whole, sees=sees(route))
        chat = await asked_chat(services, PATH, translation.request, translation.notes)
        begun = begin(request, f"resp_{secrets.token_hex(24)}", int(time.time()))
        dialect = ResponsesDialect(begun, translation.names, summarised=request.wants_summary())
        settings = services.settings
        salt = salt_of(settings, exchange.key_id)

        def call(candidate: Candidate) -> Call:
            exchange.sent_upstream = time.perf_counter()
            return Call(
                path="/v1/chat/completions",
                body=body_for(chat.envelope, candidate, Task.CHAT, salt),
                stream=exchange.stream,
                request_id=exchange.request_id,
                first_event_timeout=settings.first_event_timeout,
                idle_timeout=settings.idle_timeout,
            )

        async def keep() -> None:
            if request.store is not False:
                await _keep(store, exchange, items, dialect)

        cached_as, most = request.prompt_cache_key, request.max_output_tokens
        errand = errand_of(services, exchange, route, body, most)
        ask = text_ask(exchange, route, chat.envelope, body, most, cached_as, errand)
        telling = Telling(route=route, ask=ask, call=call, dialect=dialect, keep=keep)
        await serve_translated(services, scope, send, exchange, telling)

    return serve


def store_of(services: Services) -> ResponseStore:
    """Raises ``BackendError(DRAINING)`` before the gateway has started."""
    if services.responses is None:
        raise BackendError(Cause.DRAINING, "the gateway has not started yet")
    return services.responses


async def _history(store: ResponseStore, owner: str, request: ResponsesRequest) -> list[Raw]:
    """All that was said: what an earlier response led to and said itself, then the new input."""
    new = request.input
    own = [Raw(_MESSAGE % msgspec.json.encode(new))] if isinstance(new, str) else list(new)
    own = [await _resolved(store, owner, item) for item in own]
    if request.previous_response_id is None:
        return own if new else []
    before = await asyncio.to_thread(store.get, owner, request.previous_response_id)
    if before is None:
        detail = f"there is no response {request.previous_response_id[:80]}, or it was not stored, or it has expired"
        raise BackendError(
            Cause.INVALID_REQUEST, detail, param="previous_response_id", code="previous_response_not_found"
        )
    said = msgspec.json.decode(before.response, type=_Said)
    return [*before.items, *said.output, *own]


async def _resolved(store: ResponseStore, owner: str, item: Raw) -> Raw:
    """What a reference stands for: the names of items begin with that of the response that said them."""
    try:
        named = msgspec.json.decode(item, type=_Reference)
    except msgspec.ValidationError:
        return item  # anything else
    found = _ITEM.fullmatch(named.id)
    stored = await asyncio.to_thread(store.get, owner, f"resp_{found[1]}") if found else None
    if stored is None:
        return item
    said = msgspec.json.decode(stored.response, type=_Said).output
    return next((each for each in said if msgspec.json.decode(each, type=_Named).id == named.id), item)


class _Reference(msgspec.Struct, tag_field="type", tag="item_reference"):
    id: str


class _Named(msgspec.Struct):
    """Of an item that was said here, what it is known by."""

    id: str = ""


class _Said(msgspec.Struct):
    """Of a stored response, what it said."""

    output: list[Raw] = []


async def _keep(store: ResponseStore, exchange: Exchange, items: list[Raw], dialect: ResponsesDialect) -> None:
    """Before the client has it, since it may refer to it at once. What cannot be kept is a line in the log."""
    finished = dialect.finished
    if finished is None:
        return
    stored = Stored(id=finished.id, items=items, response=msgspec.json.encode(finished))
    try:
        kept = await asyncio.to_thread(store.put, exchange.key_id, stored)
    except BackendError as error:
        _log.error("%s", error.detail, extra={"tail": error.private})
    else:
        if not kept:
            _log.warning("a response is too large to be stored")


def require_chat(route: Route) -> None:
    """Raises ``BackendError(INVALID_REQUEST)``."""
    profile = route.profile
    if Task.CHAT not in profile.tasks:
        able = ", ".join(task.value for task in profile.tasks)
        detail = f"{profile.id} does not serve chat; it serves {able}"
        raise BackendError(Cause.INVALID_REQUEST, detail, param="model", code="model_not_supported")


def clamped(wanted: int | None, route: Route) -> int | None:
    """Agents ask for more than they need; they do not understand a refusal."""
    most = route.profile.limits.max_output_tokens
    return wanted if most is None or wanted is None else min(wanted, most)


async def _send_back_to_http(send: Send) -> None:
    body = b'{"error":{"message":"send a POST: WebSockets are not served","type":"invalid_request_error"}}'
    headers = [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"connection", b"close"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 426, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
