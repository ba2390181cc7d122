"""Who may talk to a local server from a browser: the Host and Origin rules. Pure; the edge applies them.

They stop DNS rebinding (a foreign name that resolves to loopback) and requests from web pages. ``X-Forwarded-*`` is
never looked at.
"""

from ipaddress import ip_address

from backends.errors import BackendError, Cause

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_REMEMBERED = 256


class OriginRules:
    """``hosts`` are names allowed besides loopback ones; ``origins`` exact origins, none by default.

    When the gateway listens publicly, an IP literal as ``Host`` is accepted too: rebinding needs a name.
    """

    def __init__(self, hosts: tuple[str, ...], origins: tuple[str, ...], *, public: bool) -> None:
        self._hosts = _LOCAL_NAMES | {_name(h.encode()) or h.lower() for h in hosts}
        self._origins = {o.lower().rstrip("/").encode() for o in origins}
        self._public = public
        self._good: set[bytes] = set()

    def check(self, host: bytes | None, origin: bytes | None) -> None:
        """Raises ``BackendError(FORBIDDEN)`` for a foreign host or origin."""
        if host is None or (host not in self._good and not self._accepts(host)):
            raise BackendError(
                Cause.FORBIDDEN,
                "this Host is not allowed; add it with FOREBAY_ALLOWED_HOSTS",
                code="host_not_allowed",
            )
        if origin is not None and origin.lower() not in self._origins:
            raise BackendError(
                Cause.FORBIDDEN,
                "requests from this web origin are not allowed; add it with FOREBAY_ALLOWED_ORIGINS",
                code="origin_not_allowed",
            )

    def _accepts(self, host: bytes) -> bool:
        name = _name(host)
        if name is None:
            return False
        if name not in self._hosts and not name.endswith(".localhost") and not (self._public and _is_address(name)):
            return False
        if len(self._good) < _MOST_REMEMBERED:
            self._good.add(host)
        return True


def _name(host: bytes) -> str | None:
    """The host without its port, lower-case; ``None`` when it is malformed."""
    try:
        text = host.decode("ascii").lower()
    except UnicodeDecodeError:
        return None
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
        valid = bool(bracket) and ":" in name and (not rest or (rest.startswith(":") and port.isdigit()))
        return name if valid else None
    name, colon, port = text.partition(":")
    if colon and not port.isdigit():
        return None
    return name.rstrip(".") or None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
