"""The one HTTP client to providers: TLS checked, no redirects, no proxies of the environment, no cookies, no retries.

The key of a provider goes to its own host and its declared ones, over https; plain http is for loopback only.
"""

import asyncio
import ssl

import aiohttp
from yarl import URL

from backends.cloud.provider import Provider
from backends.cloud.secrets import Secrets, key_headers
from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.addresses import is_loopback

_CONNECT_SECONDS = 10.0
_MOST_CONNECTIONS = 512


class CloudClient:
    """One a process, made inside the event loop's life; ``aclose`` at its end."""

    def __init__(self, secrets: Secrets, *, tls: ssl.SSLContext | None = None) -> None:
        """``tls`` replaces the system's trust, for providers of one's own."""
        self._secrets = secrets
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def send(self, provider: Provider, path: str, call: Call) -> aiohttp.ClientResponse:
        """The answer's head, whatever its status; the body is still to be read, and the response to be closed.

        Raises ``BackendError``: ``UPSTREAM_CONNECT`` when certainly nothing was read there, ``UPSTREAM_TIMEOUT`` and
        ``UPSTREAM_ERROR`` when that is not known, ``PROVIDER_ACCOUNT`` without a key.
        """
        url = endpoint(provider, path)
        limit = call.first_event_timeout if call.stream else call.answer_timeout
        try:
            async with asyncio.timeout(limit):
                return await self._opened().request(
                    call.method, url, data=call.body or None, headers=self._headers(provider, call),
                    allow_redirects=False,
                )  # fmt: skip
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            detail = f"{provider.name} cannot be reached"
            if isinstance(error, aiohttp.ClientSSLError):
                detail = f"the certificate of {provider.name} is not accepted"
            raise BackendError(Cause.UPSTREAM_CONNECT, detail, private=_words(error)) from None
        except TimeoutError:
            raise BackendError(Cause.UPSTREAM_TIMEOUT, f"{provider.name} did not answer within {limit:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            detail = f"{provider.name} closed the connection without an answer"
            raise BackendError(Cause.UPSTREAM_ERROR, detail, private=_words(error)) from None

    async def aclose(self) -> None:
        """Closes every connection, also those in use."""
        if self._session is not None:
            await self._session.close()

    def _headers(self, provider: Provider, call: Call) -> dict[str, str]:
        auth = provider.auth
        keys = key_headers(provider, self._secrets)
        if auth is not None and not auth.optional and not keys:
            raise BackendError(Cause.PROVIDER_ACCOUNT, f"there is no key for {provider.name}: set {auth.secret}")
        accept = "text/event-stream" if call.stream else "application/json"
        fixed = {"content-type": call.content_type, "accept": accept, "user-agent": "forebay"}
        return {**fixed, **provider.headers, **keys}

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, ssl=self._tls if self._tls is not None else True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=True,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            )
        return self._session


def endpoint(provider: Provider, path: str) -> URL:
    """The URL of ``path`` at ``provider``. Raises ``BackendError(UPSTREAM_CONNECT)`` for one that no key may go to."""
    base = URL(provider.base_url or "")
    if base.scheme != "https" and not (base.scheme == "http" and is_loopback(base.host or "")):
        raise BackendError(Cause.UPSTREAM_CONNECT, f"the address of {provider.name} is not https")
    return URL(f"{str(base).rstrip('/')}{path}", encoded=True)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:512]
