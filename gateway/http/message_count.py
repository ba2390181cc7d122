"""``POST /v1/messages/count_tokens``: exact, since the engine that would answer renders and counts.

Takes no slot of an engine in memory: agents send two dozen of these at once, beside an answer that is being made.
"""

import msgspec
from litestar.types import Receive, Scope, Send
from msgspec import Struct

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.registry import speaks_anthropic
from gateway.http.count_body import count_body
from gateway.http.engine_body import name_at
from gateway.http.hangup import cancel_when_gone
from gateway.http.message_request import as_chat, read_message
from gateway.http.responses import require_chat
from gateway.http.services import Services
from gateway.routing.route import Candidate
from gateway.telemetry.exchange import Exchange

COUNT = "/v1/messages/count_tokens"


async def count_tokens(services: Services, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers one request. Raises ``BackendError``."""
    asked = await read_message(services, scope, receive)
    route = services.table().route(asked.request.model)
    require_chat(route)
    exchange.model = route.profile.id
    chat = await as_chat(services, asked.request, route, COUNT)

    def call(candidate: Candidate) -> Call:
        if speaks_anthropic(candidate.variant.engine) and not (chat.altered or asked.holds_pdf):
            body = asked.envelope.with_model(name_at(candidate))
            return Call(path=COUNT, body=body, request_id=exchange.request_id)
        return Call(path="/tokenize", body=count_body(chat.envelope, candidate), request_id=exchange.request_id)

    cancel_when_gone(scope)
    counted = _counted(await services.dispatcher.ask(route, call, exchange.key_id))
    answer = msgspec.json.encode(_Answer(counted))
    headers = [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer)),
        (b"request-id", exchange.request_id.encode()),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer, "more_body": False})


def _counted(raw: bytes) -> int:
    """Servers that know another ``/tokenize`` count nothing: a conversation has tokens."""
    try:
        said = msgspec.json.decode(raw, type=_Counted)
    except msgspec.DecodeError as error:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend cannot count", private=str(error)) from None
    found = said.input_tokens or said.count or len(said.tokens)
    if not found:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend cannot count")
    return found


class _Counted(Struct):
    """Of an engine of ours or vLLM (``count``), or of one that speaks the dialect."""

    input_tokens: int | None = None
    count: int | None = None
    tokens: list[int] = []


class _Answer(Struct):
    input_tokens: int
