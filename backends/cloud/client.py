"""The one HTTP client to providers: TLS checked, no redirects, no proxies of the environment, no cookies, no retries.

The key of a provider goes to its own host and its declared ones, over https; plain http is for loopback only.
"""

import asyncio
from collections.abc import Callable

import aiohttp
from yarl import URL

from backends.cloud.ask import Answer, Ask
from backends.cloud.origin import endpoint, is_trusted
from backends.cloud.provider import Provider
from backends.cloud.secrets import Secrets
from backends.cloud.token import Tokens
from backends.cloud.whole import headers_of, whole_body
from backends.contract import Call
from backends.errors import BackendError, Cause

_CONNECT_SECONDS = 10.0
_MOST_CONNECTIONS = 512
MOST_ANSWER = 256 * 1024 * 1024
"""Pictures and clips come in base64 from some."""
_UNAUTHORIZED = 401


def _connector() -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector(limit=_MOST_CONNECTIONS)


class CloudClient:
    """One a process, made inside the event loop's life; ``aclose`` at its end."""

    def __init__(self, secrets: Secrets, connector: Callable[[], aiohttp.BaseConnector] = _connector) -> None:
        """``connector`` makes the way out, with the system's trust unless another is given."""
        self.secrets = secrets
        self._connector = connector
        self._tokens = Tokens(secrets)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, provider: Provider, path: str, call: Call) -> aiohttp.ClientResponse:
        """The answer's head, whatever its status; the body is still to be read, and the response to be closed.

        Raises ``BackendError``: ``UPSTREAM_CONNECT`` when certainly nothing was read there, ``UPSTREAM_TIMEOUT`` and
        ``UPSTREAM_ERROR`` when that is not known, ``PROVIDER_ACCOUNT`` without a key.
        """
        url = endpoint(provider, path)
        limit = call.first_event_timeout if call.stream else call.answer_timeout
        accept = "text/event-stream" if call.stream else "application/json"
        fixed = {"content-type": call.content_type, "accept": accept}
        return await self._head(provider, call.method, url, call.body or None, fixed, limit)

    async def ask(self, provider: Provider, ask: Ask) -> Answer:
        """The whole answer, whatever its status, with the key along. A token that is refused is fetched anew, once.

        Raises as ``send``, and ``UPSTREAM_PROTOCOL`` for a URL that the key may not go to.
        """
        if not is_trusted(provider, ask.url):
            detail = f"{provider.name} named an address that is not its own"
            raise BackendError(Cause.UPSTREAM_PROTOCOL, detail, private=str(ask.url.origin()))
        answer = await self._asked(provider, ask)
        if answer.status == _UNAUTHORIZED and self._tokens.forget(provider):
            answer = await self._asked(provider, ask)
        return answer

    async def keys(self, provider: Provider, url: URL) -> dict[str, str]:
        """The headers with the key, for a URL that it may go to. Raises ``BackendError``."""
        return await self._tokens.headers(provider, self._opened()) if is_trusted(provider, url) else {}

    async def _asked(self, provider: Provider, ask: Ask) -> Answer:
        fixed = {"accept": "application/json", **ask.headers}
        if ask.content_type is not None:
            fixed["content-type"] = ask.content_type
        body = ask.body() if isinstance(ask.body, aiohttp.FormData) else ask.body
        ends = asyncio.get_running_loop().time() + ask.seconds
        response = await self._head(provider, ask.method, ask.url, body, fixed, ask.seconds)
        try:
            left = max(0.0, ends - asyncio.get_running_loop().time())
            whole = await whole_body(response, left, MOST_ANSWER)
        finally:
            response.close()
        return Answer(status=response.status, headers=headers_of(response), body=whole)

    async def _head(
        self, provider: Provider, method: str, url: URL, body: bytes | aiohttp.payload.Payload | None,
        fixed: dict[str, str], limit: float,
    ) -> aiohttp.ClientResponse:  # fmt: skip
        headers = {"user-agent": "forebay", **fixed, **provider.headers}
        headers |= await self._tokens.headers(provider, self._opened())
        try:
            async with asyncio.timeout(limit):
                return await self._opened().request(method, url, data=body, headers=headers, allow_redirects=False)
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

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=True,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            )
        return self._session


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:512]
