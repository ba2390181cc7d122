"""``POST /v1/messages`` over any backend that speaks chat: Anthropic's dialect, its errors and its headers."""

import logging
import math
import secrets
import time
from collections.abc import Awaitable, Callable

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Struct, structs

from backends.contract import Call, Task
from backends.errors import BackendError, Cause
from backends.translate.anthropic.request import to_chat
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode
from backends.wire.envelope import Envelope
from backends.wire.openai_chat import Message as ChatMessage
from backends.wire.openai_chat import Tool as ChatTool
from gateway.errors import TABLE
from gateway.http.body import read_body, require_json
from gateway.http.messages_dialect import MessagesDialect, refusal
from gateway.http.replies import exchange_of, note_failure
from gateway.http.responses import clamped, require_chat
from gateway.http.services import Services
from gateway.http.text import body_for, check_chat, text_ask
from gateway.http.translated import serve_translated
from gateway.routing.route import Candidate
from gateway.telemetry.exchange import Exchange

PATH = "/v1/messages"
COUNT = f"{PATH}/count_tokens"
Serving = Callable[[Services, Exchange, Scope, Receive, Send], Awaitable[None]]
_log = logging.getLogger("forebay.dialects")


def messages_handlers(services: Services) -> dict[str, ASGIApp]:
    """By path, whatever their query."""
    return {PATH: _handler(services, PATH, _serve), COUNT: _handler(services, COUNT, _count)}


def _handler(services: Services, endpoint: str, answer: Serving) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.endpoint = endpoint
        try:
            if exchange.method != "POST":
                raise BackendError(Cause.METHOD_NOT_ALLOWED, f"{exchange.method} is not allowed here: use POST")
            require_json(scope)
            await answer(services, exchange, scope, receive, send)
        except BackendError as error:
            if error.cause is Cause.CLIENT_GONE:
                raise
            note_failure(exchange, error)
            await _refuse(send, exchange, error)

    return serve


async def _serve(services: Services, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
    body = await read_body(scope, receive, services.body_limits)
    request = decode(body, MessagesRequest)
    if request.max_tokens is None:
        raise BackendError(Cause.INVALID_REQUEST, "max_tokens: Field required", param="max_tokens")
    route = services.table().route(request.model)
    require_chat(route)
    exchange.model = route.profile.id
    exchange.stream = bool(request.stream)
    translation = to_chat(structs.replace(request, max_tokens=clamped(request.max_tokens, route)))
    for note in translation.notes:
        _log.info("%s: %s", PATH, note)
    chat = msgspec.json.encode(translation.request)
    check_chat(chat)
    envelope = Envelope.parse(chat)
    dialect = MessagesDialect(f"msg_{secrets.token_hex(12)}", request.model)
    settings = services.settings

    def call(candidate: Candidate) -> Call:
        exchange.sent_upstream = time.perf_counter()
        return Call(
            path="/v1/chat/completions",
            body=body_for(envelope, candidate, Task.CHAT),
            stream=exchange.stream,
            request_id=exchange.request_id,
            first_event_timeout=settings.first_event_timeout,
            idle_timeout=settings.idle_timeout,
        )

    ask = text_ask(exchange, envelope, body, None)
    named = _with_request_id(send, exchange)
    await serve_translated(services, scope, named, exchange, route, call, dialect, ask, _nothing)


async def _count(services: Services, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
    """Exact: the engine renders and counts, as it would for an answer."""
    request = decode(await read_body(scope, receive, services.body_limits), MessagesRequest)
    route = services.table().route(request.model)
    require_chat(route)
    exchange.model = route.profile.id
    chat = to_chat(request).request
    body = msgspec.json.encode(_Counted(messages=chat.messages, tools=chat.tools))
    call = Call(path="/tokenize", body=body, request_id=exchange.request_id)
    opened = await services.dispatcher.open(route, lambda _: call, exchange.key_id)
    try:
        counted = _counted(opened.reply.first)
    finally:
        opened.close()
    answer = msgspec.json.encode({"input_tokens": counted})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer, "more_body": False})


def _counted(raw: bytes) -> int:
    try:
        said = msgspec.json.decode(raw, type=_Count)
    except msgspec.DecodeError as error:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend cannot count", private=str(error)) from None
    return len(said.tokens) if said.count is None else said.count


class _Counted(Struct, omit_defaults=True):
    """What an engine of ours is asked to count."""

    messages: list[ChatMessage]
    tools: list[ChatTool] | None = None


class _Count(Struct):
    count: int | None = None
    tokens: list[int] = []


async def _nothing() -> None:
    """Nothing is kept of a message."""


def _with_request_id(send: Send, exchange: Exchange) -> Send:
    """Clients of this dialect look for the id under a name of their own."""

    def sending(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"request-id", exchange.request_id.encode())]
        return send(message)

    return sending


async def _refuse(send: Send, exchange: Exchange, error: BackendError) -> None:
    body = refusal(error, exchange.request_id)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)),
               (b"request-id", exchange.request_id.encode())]  # fmt: skip
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))))
    status = TABLE[error.cause].status
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
