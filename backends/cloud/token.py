"""Keys that are tokens: fetched, kept until shortly before their end, forgotten when a provider refuses them.

Never written anywhere, never told. Whoever needs one at the same time waits for the same fetch.
"""

import asyncio
import time
from collections.abc import Callable

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from backends.cloud import adc
from backends.cloud.provider import Auth, Provider
from backends.cloud.secrets import Secrets, key_headers
from backends.errors import BackendError, Cause
from backends.http.addresses import is_loopback

_EARLY = 300.0
"""Seconds before its end from which a token is not used any more: a request with it may take a while."""
_SHORTEST = 30.0
_SECONDS = 20.0
_MOST_BYTES = 65_536


class Token(Struct, frozen=True):
    """``seconds`` from now that it lives."""

    text: str
    seconds: float


class _Granted(Struct):
    access_token: str
    expires_in: float = 3600.0


class Tokens:
    """One a client."""

    def __init__(self, secrets: Secrets, clock: Callable[[], float] = time.monotonic) -> None:
        self._secrets = secrets
        self._clock = clock
        self._kept: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def headers(self, provider: Provider, session: aiohttp.ClientSession) -> dict[str, str]:
        """The headers with the key; none where none is set. Raises ``BackendError(PROVIDER_ACCOUNT)``, also without a
        needed one, and ``UPSTREAM_CONNECT`` when no token can be had now."""
        auth = provider.auth
        if auth is None or auth.kind == "key":
            found = key_headers(provider, self._secrets)
            if auth is not None and not auth.optional and not found:
                raise self._missing(provider, auth.secret)
            return found
        token = await self._token(provider, auth, session)
        found = {auth.header: auth.format.replace("{key}", token)}
        client = None if auth.client is None else self._secrets(auth.client)
        if auth.client_header is not None and client is not None:
            found[auth.client_header] = client
        return found

    def forget(self, provider: Provider) -> bool:
        """The provider refused what it got. Whether asking for another token may help."""
        return self._kept.pop(provider.id, None) is not None

    async def _token(self, provider: Provider, auth: Auth, session: aiohttp.ClientSession) -> str:
        async with self._locks.setdefault(provider.id, asyncio.Lock()):
            kept = self._kept.get(provider.id)
            if kept is not None and self._clock() < kept[1]:
                return kept[0]
            secret = self._secrets(auth.secret)
            if secret is None:
                raise self._missing(provider, auth.secret)
            if auth.kind == "google_adc":
                token = Token(*await adc.token(provider.name, secret, auth.scopes))
            else:
                token = await self._granted(provider, auth, secret, session)
            until = self._clock() + max(_SHORTEST, token.seconds - _EARLY)
            self._kept[provider.id] = (token.text, until)
            return token.text

    async def _granted(self, provider: Provider, auth: Auth, secret: str, session: aiohttp.ClientSession) -> Token:
        client = None if auth.client is None else self._secrets(auth.client)
        if client is None:
            raise self._missing(provider, auth.client or "the name of its client")
        url = URL(auth.token_url or "")
        if url.scheme != "https" and not is_loopback(url.host or ""):
            raise BackendError(Cause.UPSTREAM_CONNECT, f"the address for tokens of {provider.name} is not https")
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        if auth.scopes:
            form["scope"] = ",".join(auth.scopes)
        try:
            async with asyncio.timeout(_SECONDS), session.post(url, data=form, allow_redirects=False) as answer:
                body = await answer.content.read(_MOST_BYTES)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            private = f"{type(error).__name__}: {error}"[:512]
            detail = f"no token can be had from {provider.name}"
            raise BackendError(Cause.UPSTREAM_CONNECT, detail, private=private) from None
        if status in (400, 401, 403):
            raise BackendError(Cause.PROVIDER_ACCOUNT, f"{provider.name} gives no token for its key")
        try:
            granted = msgspec.json.decode(body, type=_Granted)
        except msgspec.DecodeError:
            raise BackendError(Cause.UPSTREAM_CONNECT, f"no token can be had from {provider.name}") from None
        return Token(granted.access_token, granted.expires_in)

    def _missing(self, provider: Provider, secret: str) -> BackendError:
        return BackendError(Cause.PROVIDER_ACCOUNT, f"there is no key for {provider.name}: set {secret}")
