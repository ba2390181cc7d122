"""What an API key is: a random secret shown once, and the record that is kept of it. Pure."""

import hashlib
import secrets
from typing import Literal

from msgspec import Struct

from gateway.keys.policy import NO_CLOUD, Policy

PREFIX = "fb-"
Scope = Literal["inference", "admin", "metrics"]
ALL_SCOPES: tuple[Scope, ...] = ("inference", "admin", "metrics")


class Key(Struct, frozen=True, kw_only=True):
    """A stored key. ``digest`` is the SHA-256 of the secret in hex; ``hint`` its last four characters.

    The secret has 256 random bits, so a plain digest needs no salt and no stretching.
    """

    id: str
    name: str
    digest: str
    hint: str
    scopes: tuple[Scope, ...]
    created_at: str
    revoked_at: str | None = None
    policy: Policy = NO_CLOUD


def new_secret() -> str:
    """A fresh secret; the only place where it exists in clear is the caller's screen."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str | bytes) -> str:
    """SHA-256 in hex of what a client presents."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).hexdigest()
