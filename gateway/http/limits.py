"""The bounds of a connection, as data. The listener holds them; settings give them."""

from msgspec import Struct


class ListenerLimits(Struct, frozen=True, kw_only=True):
    """Bytes, fields and seconds a connection may take. ``linger_bytes``: rest of a body that was answered already, read
    and dropped so that the client gets to the answer; it has ``head_deadline`` for it.
    """

    head_bytes: int = 32 * 1024
    head_fields: int = 100
    head_deadline: float = 10.0
    write_stall: float = 120.0
    connections: int = 10_000
    linger_bytes: int = 256 * 1024 * 1024
