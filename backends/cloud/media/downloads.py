"""Fetches what a vendor has made from the URL that it named: https and public addresses only, checked at every step.

The provider's own address is taken as it is. Keys go where ``CloudClient.keys`` lets them, and nowhere else.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Protocol

import aiohttp
from yarl import URL

from backends.cloud.origin import is_own
from backends.cloud.provider import Provider
from backends.http.addresses import is_public
from backends.http.pinned import Pinned, Resolver, addresses_of

_MOST_REDIRECTS = 3
_SILENCE = 60.0
_GONE = frozenset({401, 403, 404, 410})
_CHUNK = 1 << 18
_USUAL = 443
Keys = Callable[[URL], Awaitable[dict[str, str]]]


class LinkError(Exception):
    """``gone``: the link has ended, and asking for another may help. ``final``: nothing else helps."""

    def __init__(self, message: str, *, gone: bool = False, final: bool = False) -> None:
        super().__init__(message)
        self.gone = gone
        self.final = final


class Sink(Protocol):
    """Where bytes go. ``write`` raises ``LinkError`` for what is not wanted."""

    async def write(self, chunk: bytes) -> None: ...


class Downloads:
    """One a process. ``allowed`` says of each address whether it may be reached. ``ports`` are taken besides the usual
    one; ``seconds`` are of one download."""

    def __init__(
        self,
        resolve: Resolver = addresses_of,
        allowed: Callable[[str], bool] = is_public,
        *,
        tls: ssl.SSLContext | None = None,
        ports: tuple[int, ...] = (),
        seconds: float = 900.0,
    ) -> None:
        self._resolve = resolve
        self._allowed = allowed
        self._tls = tls
        self._ports = (_USUAL, *ports)
        self._seconds = seconds

    async def fetch(self, provider: Provider, url: str, keys: Keys, sink: Sink) -> None:
        """The whole of it into ``sink``. Raises ``LinkError``, and what ``keys`` raises."""
        target = _url(url)
        try:
            async with asyncio.timeout(self._seconds):
                for _ in range(_MOST_REDIRECTS + 1):
                    following = await self._step(provider, target, await keys(target), sink)
                    if following is None:
                        return
                    target = target.join(_url(following))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise LinkError(f"{type(error).__name__}: {error}"[:512]) from None
        raise LinkError("too many redirects", final=True)

    async def _step(self, provider: Provider, url: URL, keys: dict[str, str], sink: Sink) -> str | None:
        """Where it leads to, or ``None`` when it is done."""
        resolver: Pinned | None = None
        if not is_own(provider, url):
            resolver = Pinned(await self._addresses(url))
        connector = aiohttp.TCPConnector(
            resolver=resolver, use_dns_cache=False, force_close=True, ssl=True if self._tls is None else self._tls
        )
        headers = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "forebay", **keys}
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_SILENCE),
            ) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):  # fmt: skip
            if answer.status in range(300, 400):
                return answer.headers.get("location") or _none("a redirect to nowhere")
            if answer.status != 200:
                raise LinkError(f"status {answer.status}", gone=answer.status in _GONE)
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                raise LinkError("a compressed body", final=True)
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await sink.write(chunk)
        return None

    async def _addresses(self, url: URL) -> tuple[str, ...]:
        """All of them, each allowed. One that is not makes the name a trap."""
        if (
            url.scheme != "https"
            or not url.host
            or url.port not in self._ports
            or url.user is not None
            or url.password is not None
        ):
            raise LinkError("not an https URL with its usual port", final=True)
        found = tuple(dict.fromkeys(await self._resolve(url.host, _USUAL)))
        if not found or not all(self._allowed(each) for each in found):
            raise LinkError("an address that may not be reached", final=True)
        return found


def _url(text: str) -> URL:
    """To the letter: a signature is of these very characters."""
    try:
        if any(not 0x21 <= ord(each) <= 0x7E or each == "\\" for each in text):
            raise ValueError
        url = URL(text, encoded=True)
        _ = url.port
    except ValueError:
        raise LinkError("this is no URL", final=True) from None
    return url


def _none(message: str) -> str:
    raise LinkError(message, final=True)
