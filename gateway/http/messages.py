"""``POST /v1/messages`` over any backend that speaks chat: Anthropic's dialect, its errors and its headers."""

import secrets
import time
from collections.abc import Awaitable, Callable

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import structs

from backends.contract import Call, Task
from backends.errors import BackendError, Cause
from backends.registry import speaks_anthropic
from backends.wire import sse
from gateway.http.body import require_json
from gateway.http.engine_body import body_for, salt_of
from gateway.http.errands import errand_of
from gateway.http.message_count import COUNT, count_tokens
from gateway.http.message_request import as_chat, read_message
from gateway.http.messages_dialect import MessagesDialect
from gateway.http.replies import exchange_of
from gateway.http.responses import clamped, require_chat
from gateway.http.services import Services
from gateway.http.text import text_ask
from gateway.http.translated import Telling, serve_translated
from gateway.routing.route import Candidate
from gateway.telemetry.exchange import Exchange

PATH = "/v1/messages"
Serving = Callable[[Services, Exchange, Scope, Receive, Send], Awaitable[None]]


def messages_handlers(services: Services) -> dict[str, ASGIApp]:
    """By path, whatever their query."""
    return {PATH: _handler(services, PATH, _serve), COUNT: _handler(services, COUNT, count_tokens)}


def _handler(services: Services, endpoint: str, answer: Serving) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.endpoint = endpoint
        if exchange.method != "POST":
            raise BackendError(Cause.METHOD_NOT_ALLOWED, f"{exchange.method} is not allowed here: use POST")
        require_json(scope)
        await answer(services, exchange, scope, receive, send)

    return serve


async def _serve(services: Services, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
    asked = await read_message(services, scope, receive)
    if asked.request.max_tokens is None:
        raise BackendError(Cause.INVALID_REQUEST, "max_tokens: Field required", param="max_tokens")
    route = services.table().route(asked.request.model)
    require_chat(route)
    most = clamped(asked.request.max_tokens, route) or 1
    request = structs.replace(asked.request, max_tokens=most)
    exchange.model = route.profile.id
    exchange.stream = bool(request.stream)
    chat = await as_chat(services, request, route, PATH)
    settings = services.settings
    salt = salt_of(settings, exchange.key_id)

    def speaks(candidate: Candidate) -> bool:
        return not (chat.altered or asked.holds_pdf) and speaks_anthropic(candidate.variant.engine)

    def call(candidate: Candidate) -> Call:
        exchange.sent_upstream = time.perf_counter()
        own = speaks(candidate)
        given = asked.envelope.having("max_tokens", most) if own else chat.envelope
        return Call(
            path=PATH if own else "/v1/chat/completions",
            body=body_for(given, candidate, Task.CHAT, salt),
            stream=exchange.stream,
            request_id=exchange.request_id,
            first_event_timeout=settings.first_event_timeout,
            idle_timeout=settings.idle_timeout,
            terminator=b"message_stop" if own else sse.DONE,
        )

    telling = Telling(
        route=route,
        ask=text_ask(
            exchange,
            route,
            chat.envelope,
            asked.body,
            None,
            errand=errand_of(services, exchange, route, asked.body, most),
        ),
        call=call,
        dialect=MessagesDialect(f"msg_{secrets.token_hex(12)}", request),
        speaks=speaks,
    )
    await serve_translated(services, scope, _with_request_id(send, exchange), exchange, telling)


def _with_request_id(send: Send, exchange: Exchange) -> Send:
    """Clients of this dialect look for the id under a name of their own."""

    def sending(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"request-id", exchange.request_id.encode())]
        return send(message)

    return sending
