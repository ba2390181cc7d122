"""Which key scope a path needs. Deny by default: what is not named here needs ``admin``."""

from gateway.keys.key import Scope

_INFERENCE = frozenset({"/rerank", "/v2/rerank", "/score"})
_OPEN = frozenset({"/health", "/ready"})


def required_scope(path: str, *, metrics_public: bool = False) -> Scope | None:
    """``None`` for the probes, which tell nothing but up or down, for signed links, and for the scrape where the
    operator opened it.
    """
    if path.startswith("/v1/media/"):
        return None  # a signed link is its own permission
    if path.startswith("/v1/") or path in _INFERENCE:
        return "inference"
    if path in _OPEN:
        return None
    if path == "/metrics":
        return None if metrics_public else "metrics"
    return "admin"
