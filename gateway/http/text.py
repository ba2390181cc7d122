"""POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/rerank, /v1/score and other paths of the same.

Raw ASGI handlers: a typed Litestar body would accept JSON sent as text/plain and answer bad bytes with 500 (measured).
The body is checked against its typed shape, then sent on as it came, with the model's name and defaults put in.
"""

import time
from collections.abc import Callable

from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from backends.contract import Call, Task
from backends.errors import BackendError, Cause
from backends.registry import reads_pictures
from backends.wire import openai_chat, openai_completions, openai_embeddings, reranking, scoring
from backends.wire.decode import decode
from backends.wire.envelope import Envelope
from backends.wire.extra_fields import settled
from gateway.catalog.profile import ModelProfile
from gateway.http.answer import answer, as_it_comes
from gateway.http.body import read_body, require_json
from gateway.http.engine_body import body_for, salt_of, says, thoughts
from gateway.http.errands import errand_of
from gateway.http.keepalive import openai_chat_event, openai_completion_event
from gateway.http.media import Remote, remote_media
from gateway.http.prefix import prefix_of
from gateway.http.replies import exchange_of
from gateway.http.services import Services
from gateway.routing.errand import NOWHERE, Errand
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate, Route
from gateway.scheduling.ticket import Priority
from gateway.telemetry.exchange import Exchange
from gateway.telemetry.quotes import without_quotes

_PRIORITIES = {"": Priority.INTERACTIVE, "interactive": Priority.INTERACTIVE, "batch": Priority.BATCH}
_MOST_BYTES_A_TOKEN = 8


class Wanted(Struct, frozen=True):
    """What the gateway itself needs of a decoded request: how many answers, and of how many tokens at most; what it
    names by an address."""

    n: int
    tokens: int | None = None
    remote: tuple[Remote, ...] = ()


class Endpoint(Struct, frozen=True, kw_only=True):
    """One text endpoint: its paths, its check and its life sign."""

    name: str
    paths: list[str]
    upstream: str
    task: Task
    check: Callable[[bytes], Wanted]
    life_sign: Callable[[str, str], bytes] | None


def check_chat(body: bytes) -> Wanted:
    """Raises ``BackendError(INVALID_REQUEST)`` for what no engine gets."""
    request = decode(body, openai_chat.ChatRequest)
    openai_chat.validate(request)
    return Wanted(request.n or 1, request.token_limit(), tuple(remote_media(request)))


def _check_completion(body: bytes) -> Wanted:
    request = decode(body, openai_completions.CompletionRequest)
    openai_completions.validate(request)
    return Wanted(request.n or 1, request.max_tokens)


def _check_embedding(body: bytes) -> Wanted:
    request = decode(body, openai_embeddings.EmbeddingRequest)
    openai_embeddings.validate(request)
    return Wanted(1)


def _check_reranking(body: bytes) -> Wanted:
    request = decode(body, reranking.RerankRequest)
    reranking.validate(request)
    return Wanted(1)


def _check_scoring(body: bytes) -> Wanted:
    request = decode(body, scoring.ScoreRequest)
    scoring.validate(request)
    return Wanted(1)


ENDPOINTS = (
    Endpoint(
        name="/v1/chat/completions",
        paths=["/v1/chat/completions", "/v1/chat"],
        upstream="/v1/chat/completions",
        task=Task.CHAT,
        check=check_chat,
        life_sign=openai_chat_event,
    ),
    Endpoint(
        name="/v1/completions",
        paths=["/v1/completions"],
        upstream="/v1/completions",
        task=Task.COMPLETION,
        check=_check_completion,
        life_sign=openai_completion_event,
    ),
    Endpoint(
        name="/v1/embeddings",
        paths=["/v1/embeddings"],
        upstream="/v1/embeddings",
        task=Task.EMBEDDING,
        check=_check_embedding,
        life_sign=None,
    ),
    Endpoint(
        name="/v1/rerank",
        paths=["/v1/rerank", "/v2/rerank", "/rerank"],
        upstream="/v1/rerank",
        task=Task.RERANK,
        check=_check_reranking,
        life_sign=None,
    ),
    Endpoint(
        name="/v1/score",
        paths=["/v1/score", "/score"],
        upstream="/v1/score",
        task=Task.SCORE,
        check=_check_scoring,
        life_sign=None,
    ),
)


def text_handlers(services: Services) -> dict[str, ASGIApp]:
    """Path to handler. ``edge`` calls them without passing through the router, which would cost as much again."""
    handlers = [(endpoint, _handler(services, endpoint)) for endpoint in ENDPOINTS]
    return {path: handler for endpoint, handler in handlers for path in endpoint.paths}


def text_routes(handlers: dict[str, ASGIApp]) -> list[ASGIRouteHandler]:
    """The same handlers as routes of the application, for every way that does not come through ``edge``."""
    return [asgi(path, name=path, copy_scope=False)(handler) for path, handler in handlers.items()]


def _handler(services: Services, endpoint: Endpoint) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.endpoint = endpoint.name
        if exchange.method != "POST":
            raise BackendError(Cause.METHOD_NOT_ALLOWED, f"{exchange.method} is not allowed here: use POST")
        require_json(scope)
        body = await read_body(scope, receive, services.body_limits)
        envelope = settled(Envelope.parse(body))
        wanted = endpoint.check(body)
        route = services.table().route(envelope.model)
        profile = route.profile
        exchange.model = profile.id
        _refuse_unfit(profile, endpoint.task, wanted, envelope)
        if wanted.remote:
            body = await services.remote_pictures.inlined(body, wanted.remote)
            envelope = settled(Envelope.parse(body))
        exchange.stream = stream = endpoint.life_sign is not None and envelope.stream
        settings = services.settings
        salt = salt_of(settings, exchange.key_id)

        def call(candidate: Candidate) -> Call:
            exchange.sent_upstream = time.perf_counter()
            return Call(
                path=endpoint.upstream,
                body=body_for(envelope, candidate, endpoint.task, salt),
                stream=stream,
                request_id=exchange.request_id,
                first_event_timeout=settings.first_event_timeout,
                idle_timeout=settings.idle_timeout,
            )

        try:
            life_sign = endpoint.life_sign if stream else None
            await answer(
                services,
                scope,
                send,
                exchange,
                route,
                call,
                life_sign,
                text_ask(
                    exchange,
                    route,
                    envelope,
                    body,
                    wanted.tokens,
                    errand=errand_of(services, exchange, route, body, wanted.tokens, wanted.n, endpoint.task),
                ),
                thoughts if endpoint.task is Task.CHAT else as_it_comes,
            )
        except BackendError as error:
            error.private = without_quotes(error.private, body)
            raise
        finally:
            if exchange.private:
                exchange.private = without_quotes(exchange.private, body)

    return serve


def text_ask(
    exchange: Exchange,
    route: Route,
    envelope: Envelope,
    body: bytes,
    tokens: int | None,
    cache_key: str | None = None,
    errand: Errand = NOWHERE,
) -> Ask:
    """How urgent it is, and how long a context it needs at least: a token is seldom more than eight bytes.

    ``envelope`` is of the chat; ``cache_key`` what it is called in a cache, where another dialect said so.
    """
    word = exchange.priority
    if not word and (tier := envelope.get("service_tier")) is not None and bytes(tier) == b'"flex"':
        word = "batch"
    if word not in _PRIORITIES:
        raise BackendError(Cause.INVALID_REQUEST, "x-forebay-priority is interactive or batch")
    return Ask(
        priority=_PRIORITIES[word],
        request=exchange.request_id,
        context_tokens=len(body) // _MOST_BYTES_A_TOKEN + (tokens or 0),
        prefix=prefix_of(exchange, envelope, cache_key) if route.replicated else b"",
        errand=errand,
    )


def _refuse_unfit(profile: ModelProfile, task: Task, wanted: Wanted, envelope: Envelope) -> None:
    if task not in profile.tasks:
        detail = f"{profile.id} does not serve {task.value}; it serves {', '.join(t.value for t in profile.tasks)}"
        raise BackendError(Cause.INVALID_REQUEST, detail, param="model", code="model_not_supported")
    if wanted.n > profile.limits.n:
        raise BackendError(Cause.INVALID_REQUEST, f"n is at most {profile.limits.n} for {profile.id}", param="n")
    most = profile.limits.max_output_tokens
    if most is not None and wanted.tokens is not None and wanted.tokens > most:
        param = "max_completion_tokens" if says(envelope, "max_completion_tokens") else "max_tokens"
        raise BackendError(Cause.INVALID_REQUEST, f"{param} is at most {most} for {profile.id}", param=param)


def sees(route: Route) -> bool:
    """Whether anything that may serve it reads pictures."""
    return any(reads_pictures(candidate.variant.engine) for candidate in route.candidates) or any(
        each.offer.images for each in route.cloud
    )
