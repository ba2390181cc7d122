"""What a request begins with, as a key: said by its client, else taken from its first messages. Decodes nothing."""

from backends.wire.envelope import Envelope
from gateway.routing.affinity import LOOKED_AT, prefix_key
from gateway.telemetry.exchange import Exchange


def prefix_of(exchange: Exchange, envelope: Envelope, cache_key: str | None = None) -> bytes:
    """The key of a chat or completion, empty for what has no prompt.

    ``x-forebay-session`` names it first, then ``prompt_cache_key``: ``cache_key``, where another dialect has said it.
    """
    said = envelope.get("prompt_cache_key")
    named = cache_key.encode() if cache_key else b"" if said is None else bytes(said).strip(b'"')
    named = exchange.session or named
    prompt = envelope.get("messages") or envelope.get("prompt")
    if prompt is None and not named:
        return b""
    begins = b"" if prompt is None else bytes(memoryview(prompt)[:LOOKED_AT])
    return prefix_key(exchange.key_id, begins, named)
