"""A request of another dialect as chat: what the translation left out is logged, what it names by a URL is fetched."""

import logging
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from backends.translate.chat_body import ChatBody
from backends.wire.envelope import Envelope
from gateway.http.services import Services
from gateway.http.text import check_chat

_log = logging.getLogger("forebay.dialects")


class AskedChat(Struct, frozen=True):
    """``altered``: it holds bytes that the request only names."""

    envelope: Envelope
    altered: bool


async def asked_chat(services: Services, endpoint: str, body: ChatBody, notes: Sequence[str]) -> AskedChat:
    """Raises ``BackendError(INVALID_REQUEST)`` for what no engine gets, and for what is not fetched."""
    for note in notes:
        _log.info("%s: %s", endpoint, note)
    chat = msgspec.json.encode(body)
    wanted = check_chat(chat)
    if wanted.remote:
        chat = await services.remote_pictures.inlined(chat, wanted.remote)
    return AskedChat(Envelope.parse(chat), altered=bool(wanted.remote))
