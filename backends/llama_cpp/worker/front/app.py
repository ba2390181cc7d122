"""The worker's ASGI application: routes, readiness, and nothing else. It answers from the first moment, also while the
model loads."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.front.chat import chat
from backends.llama_cpp.worker.front.completions import completions
from backends.llama_cpp.worker.front.embeddings import embeddings
from backends.llama_cpp.worker.front.exchange import Event, Exchange, Receive, Send, run
from backends.llama_cpp.worker.front.service import Service
from backends.llama_cpp.worker.front.status import HealthReport, metrics, props
from backends.llama_cpp.worker.front.tokenize import tokenize

_Endpoint = Callable[[Service, Exchange, bytes], Awaitable[None]]
_WORK: dict[str, _Endpoint] = {
    "/v1/chat/completions": chat,
    "/v1/completions": completions,
    "/v1/embeddings": embeddings,
    "/tokenize": tokenize,
}
_STATUS = ("/health", "/props", "/metrics")


class App:
    """Raw ASGI. ``service`` is None while the model loads; ``draining`` refuses new work; ``idle``: nothing runs."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.draining = False
        self.idle = asyncio.Event()
        self.idle.set()
        self._active = 0

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope["method"], scope["path"], receive, send)
        self._active += 1
        self.idle.clear()
        try:
            await run(exchange, self._route)
        finally:
            self._active -= 1
            if not self._active:
                self.idle.set()

    async def _route(self, exchange: Exchange, body: bytes) -> None:
        if exchange.path in _STATUS:
            _require(exchange, "GET")
            await self._report(exchange)
            return
        endpoint = _WORK.get(exchange.path)
        if endpoint is None:
            raise BackendError(Cause.NOT_FOUND, "No such endpoint.")
        _require(exchange, "POST")
        await endpoint(self._ready(), exchange, body)

    async def _report(self, exchange: Exchange) -> None:
        if exchange.path == "/health":
            status = "draining" if self.draining else "loading" if self.service is None else "ready"
            await exchange.reply(200 if status == "ready" else 503, msgspec.json.encode(HealthReport(status)))
        elif exchange.path == "/props":
            await exchange.reply(200, props(self._loaded(), self._loaded().conversation.report))
        else:
            counters = await self._loaded().runtime.counters()
            await exchange.reply(200, metrics(counters), b"text/plain; version=0.0.4")

    def _ready(self) -> Service:
        if self.draining:
            raise BackendError(Cause.DRAINING, "This worker is shutting down.")
        return self._loaded()

    def _loaded(self) -> Service:
        if self.service is None:
            raise BackendError(Cause.NO_CAPACITY, "The model is still loading.")
        return self.service


def _require(exchange: Exchange, method: str) -> None:
    if exchange.method != method:
        raise BackendError(Cause.METHOD_NOT_ALLOWED, f"{exchange.path} takes {method}.")
