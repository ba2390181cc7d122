"""A Messages request on its way to an engine: read and checked, then as chat, with bytes for what it names by a URL."""

from litestar.types import Receive, Scope
from msgspec import Struct

from backends.translate.anthropic.request import to_chat
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode
from backends.wire.envelope import Envelope
from backends.wire.extra_fields import settled
from gateway.http.asked_chat import AskedChat, asked_chat
from gateway.http.body import read_body
from gateway.http.message_documents import has_pdf, with_texts
from gateway.http.services import Services
from gateway.http.text import sees
from gateway.routing.route import Route


class AskedMessage(Struct, frozen=True):
    """``body`` and ``envelope`` are as they came; ``request`` has the text of PDFs in their places: ``holds_pdf``."""

    request: MessagesRequest
    body: bytes
    envelope: Envelope
    holds_pdf: bool


async def read_message(services: Services, scope: Scope, receive: Receive) -> AskedMessage:
    """Raises ``BackendError``."""
    body = await read_body(scope, receive, services.body_limits)
    envelope = settled(Envelope.parse(body))
    request = decode(body, MessagesRequest)
    holds_pdf = has_pdf(body)
    if holds_pdf:
        request = await with_texts(request, services.pdfs)
    return AskedMessage(request, body, envelope, holds_pdf)


async def as_chat(services: Services, request: MessagesRequest, route: Route, endpoint: str) -> AskedChat:
    """Raises ``BackendError(INVALID_REQUEST)`` for what no chat can hold, and for what is not fetched."""
    translation = to_chat(request, sees=sees(route))
    return await asked_chat(services, endpoint, translation.request, translation.notes)
