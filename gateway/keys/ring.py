"""The live keys in memory, and the check of what a client presents. No SQL here, and no secret is ever logged.

With no key at all the gateway is open, which ``listener`` allows on loopback only.
"""

from collections.abc import Iterable
from hmac import compare_digest

from msgspec.structs import replace

from backends.errors import BackendError, Cause
from gateway.keys.key import ALL_SCOPES, Key, Scope, digest
from gateway.keys.policy import NO_CLOUD, Policy

ANONYMOUS = Key(id="anonymous", name="no keys configured", digest="", hint="", scopes=ALL_SCOPES, created_at="")


class KeyRing:
    """Digest to key. Replaced as a whole when keys change, so a revoked key is gone at once.

    ``policy`` is that of the operator's own key, and of everybody while there are no keys.
    """

    def __init__(self, keys: Iterable[Key] = (), operator_secret: str | None = None, policy: Policy = NO_CLOUD) -> None:
        self._anonymous = ANONYMOUS if policy == NO_CLOUD else replace(ANONYMOUS, policy=policy)
        self._operator = (
            None
            if operator_secret is None
            else Key(
                id="operator",
                name="from settings",
                digest=digest(operator_secret),
                hint=operator_secret[-4:],
                scopes=ALL_SCOPES,
                created_at="",
                policy=policy,
            )
        )
        self._live: dict[str, Key] = {}
        self._guarded = False
        self.replace(keys)

    def replace(self, keys: Iterable[Key]) -> None:
        """The stored keys as they are now. Once a key existed the gateway stays guarded, revoked or not."""
        stored = tuple(keys)
        self._live = {k.digest: k for k in stored if k.revoked_at is None}
        if self._operator is not None:
            self._live[self._operator.digest] = self._operator
        self._guarded = bool(stored) or self._operator is not None

    @property
    def guarded(self) -> bool:
        """Whether a key is needed."""
        return self._guarded

    def policy(self, key_id: str) -> Policy:
        """What the live key of that id may do elsewhere; nothing where there is none."""
        if not self._guarded:
            return self._anonymous.policy
        return next((key.policy for key in self._live.values() if key.id == key_id), NO_CLOUD)

    def check(self, presented: bytes | None, scope: Scope) -> Key:
        """The key behind ``presented``. Raises ``BackendError`` (``AUTH`` or ``FORBIDDEN``) with equal text for all."""
        if not self._guarded:
            return self._anonymous
        if not presented:
            raise BackendError(
                Cause.AUTH, "an API key is required: send it as 'Authorization: Bearer KEY'", code="missing_api_key"
            )
        seen = digest(presented)
        key = self._live.get(seen)
        if key is None or not compare_digest(key.digest, seen):
            raise BackendError(Cause.AUTH, "the API key is not valid")
        if scope not in key.scopes:
            raise BackendError(Cause.FORBIDDEN, f"the API key lacks the scope {scope!r}")
        return key
