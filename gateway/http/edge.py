"""The outermost ASGI layer, run for every request in this order:

1. request id and clock   2. Host and Origin   3. API key and scope   4. in-flight limits   5. the application
6. metrics and the access line, whatever happened.

It reads no body and knows no route beyond which scope a path needs.
"""

import asyncio
import itertools
import re
import time
from collections.abc import Awaitable, Iterable, Mapping
from functools import lru_cache
from secrets import token_hex

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from backends.errors import BackendError, Cause
from gateway.errors import TABLE
from gateway.http.access import required_scope
from gateway.http.hangup import hangup_of
from gateway.http.replies import EXCHANGE, error_answer, last_words, note_failure, unhandled
from gateway.http.services import Services
from gateway.keys.key import Key
from gateway.keys.key import Scope as KeyScope
from gateway.routing.succession import warning
from gateway.scheduling.refusals import draining
from gateway.spending.money import plain
from gateway.telemetry.exchange import Exchange
from gateway.telemetry.logs import request_id

_USUAL_HEADERS = b"authorization, content-type, x-api-key"
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9_, -]{1,2048}")
_EXPOSED = b"x-request-id, request-id, retry-after"


class Edge:
    """Wraps the Litestar application; the server calls this.

    ``direct`` are the hot paths: their handlers are called here, with everything above done, and skip the router.
    """

    def __init__(self, app: ASGIApp, direct: Mapping[str, ASGIApp], services: Services) -> None:
        self._app = app
        self._direct = direct
        self._services = services
        self._recorder = services.recorder
        self._access = services.access
        self._metrics_public = services.settings.metrics_public
        self._warns = services.settings.successors == "warn"
        self._in_flight = 0
        self._by_key: dict[str, int] = {}
        self._boot = token_hex(8)
        self._count = itertools.count(1)

    def _request_id(self) -> str:
        """Unique among boots and within one; it says nothing and proves nothing."""
        return f"req_{self._boot}{next(self._count):08x}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._request_id(), scope["method"], scope["path"], time.perf_counter())
        request_id.set(exchange.request_id)
        scope[EXCHANGE] = exchange  # type: ignore[literal-required]
        started = False
        key: Key | None = None

        def send_head(message: Message) -> Awaitable[None]:  # no coroutine of its own: it is called for every chunk
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                exchange.status = message["status"]
                message["headers"] = _traced(message["headers"], exchange, warns=self._warns)
            return send(message)

        try:
            presented = self._look(scope, exchange)
            if exchange.origin and exchange.method == "OPTIONS":
                await _send_preflight(send_head, scope)
                return
            needed = required_scope(exchange.path, metrics_public=self._metrics_public)
            if needed is None:
                await self._app(scope, receive, send_head)
                return
            key = self._admit(presented, needed, exchange)
            await self._direct.get(exchange.path, self._app)(scope, receive, send_head)
        except Exception as error:  # noqa: BLE001 - the exception handler of the hot paths
            known = error if isinstance(error, BackendError) else unhandled(error)
            note_failure(exchange, known)
            if not started:
                await _send_error(send_head, known, scope)
        except asyncio.CancelledError:
            hangup = hangup_of(scope)
            if hangup is not None and hangup.gone:
                note_failure(exchange, BackendError(Cause.CLIENT_GONE, "the client left"))
            elif self._services.lifetime.draining and (exchange.stream or not started):
                cut = draining()
                note_failure(exchange, cut)
                await (_end_stream(send, cut, scope) if started else _send_error(send_head, cut, scope))
            else:
                exchange.outcome = "cancelled"
                raise
        finally:
            if key is not None:
                self._leave(key)
            now = time.perf_counter()
            self._recorder.finished(exchange, now)
            self._access.write(exchange, now - exchange.started)

    def _look(self, scope: Scope, exchange: Exchange) -> bytes | None:
        """Host and Origin; gives what is presented as key. Raises ``BackendError``."""
        host = origin = presented = None
        hosts = 0
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                hosts += 1
            elif name == b"authorization":
                presented = value[7:].strip() if value[:7].lower() == b"bearer " else b"?"
            elif name == b"x-api-key" and presented is None:
                presented = value
            elif name == b"origin":
                origin = value
            elif name == b"x-forebay-priority":
                exchange.priority = value.decode("latin-1").strip().lower()
            elif name == b"x-forebay-local-only":
                # Whatever is said: a request can only tighten, and a word nobody knows must not open anything.
                exchange.local_only = value.strip().lower() not in (b"false", b"0", b"no", b"")
            elif name == b"x-forebay-session":
                exchange.session = value
        self._services.origin.check(host if hosts == 1 else None, origin)
        if origin is not None:
            exchange.origin = origin
        return presented

    def _admit(self, presented: bytes | None, needed: KeyScope, exchange: Exchange) -> Key:
        """Key, scope and limits in flight; ``_leave`` has to follow. Raises ``BackendError``."""
        services = self._services
        key = services.keys.check(presented, needed)
        exchange.key_id = key.id
        if self._in_flight >= services.settings.max_in_flight:
            raise BackendError(Cause.NO_CAPACITY, "the gateway is at its limit of requests", retry_after=1.0)
        mine = self._by_key.get(key.id, 0)
        if mine >= services.settings.max_in_flight_per_key and services.keys.guarded:
            raise BackendError(Cause.RATE_LIMITED, "too many requests at once for this key", retry_after=1.0)
        self._in_flight += 1
        self._by_key[key.id] = mine + 1
        return key

    def _leave(self, key: Key) -> None:
        self._in_flight -= 1
        if self._by_key[key.id] == 1:
            del self._by_key[key.id]
        else:
            self._by_key[key.id] -= 1


def _traced(given: Iterable[tuple[bytes, bytes]], exchange: Exchange, *, warns: bool) -> list[tuple[bytes, bytes]]:
    """``given``, and the headers that say who answered and why."""
    headers = [*given, (b"x-request-id", exchange.request_id.encode())]
    if exchange.origin:
        headers += (
            (b"access-control-allow-origin", exchange.origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"origin"),
        )
    if exchange.attempts:
        e = exchange
        headers += _who_answered(e.model, e.variant, e.backend, e.where, e.reason, e.attempts)
        if e.nanousd is not None:
            headers.append((b"x-forebay-cost-usd", plain(e.nanousd).encode()))
        if warns and (said := warning(e.model, e.reason)):
            headers.append((b"x-forebay-warning", said.encode()))
    return headers


@lru_cache(maxsize=512)
def _who_answered(
    model: str, variant: str, backend: str, where: str, reason: str, attempts: int
) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-forebay-model", model.encode()),
        (b"x-forebay-variant", variant.encode()),
        (b"x-forebay-backend", backend.encode()),
        (b"x-forebay-where", where.encode()),
        (b"x-forebay-reason", reason.encode()),
        (b"x-forebay-attempts", str(attempts).encode()),
    )


async def _end_stream(send: Send, error: BackendError, scope: Scope) -> None:
    """The last words of a stream that the end of the drain window cuts."""
    await send({"type": "http.response.body", "body": last_words(scope, error), "more_body": False})


async def _send_error(send: Send, error: BackendError, scope: Scope) -> None:
    """In the dialect of who asked."""
    headers, body = error_answer(scope, error)
    headers.append((b"content-length", str(len(body)).encode()))
    if error.cause is Cause.REQUEST_TIMEOUT:
        headers.append((b"connection", b"close"))  # of a body that came too slowly no more is waited for
    await send({"type": "http.response.start", "status": TABLE[error.cause].status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _send_preflight(send: Send, scope: Scope) -> None:
    """SDKs send a dozen headers of their own: what the browser asks for is allowed, its origin is."""
    asked = next((value for name, value in scope["headers"] if name == b"access-control-request-headers"), b"")
    allowed = asked if _HEADER_NAMES.fullmatch(asked) else _USUAL_HEADERS
    headers = [
        (b"access-control-allow-methods", b"GET, POST, DELETE"),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
