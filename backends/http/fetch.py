"""Fetches a picture from a URL that a client gave, and reaches nothing that the client could not reach itself.

One parser: the URL object that the HTTP client uses. The name is resolved once, every address of it must be public, and
the connection goes to one of those. No redirects, credentials, cookies or proxies. Whatever cannot be had is told in
the same words, so that nobody learns what is inside our network. Decodes nothing and retries nothing.
"""

import asyncio
import re
from collections.abc import Callable

import aiohttp
from msgspec import Struct
from yarl import URL

from backends.errors import BackendError, Cause
from backends.http.addresses import is_public
from backends.http.pinned import Pinned, Resolver, addresses_of

_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
_MOST_URL = 2048
_PORTS = {"http": 80, "https": 443}
_UNREACHABLE = "the picture at this URL could not be fetched"


class FetchRules(Struct, frozen=True, kw_only=True):
    """``schemes`` with their usual ports only; ``ports`` besides. Bytes and seconds are of one picture."""

    schemes: tuple[str, ...] = ("https",)
    ports: tuple[int, ...] = ()
    most_bytes: int = 20_000_000
    seconds: float = 10.0


class Fetcher:
    """One a process. ``allowed`` says of each address whether it may be reached."""

    def __init__(
        self, rules: FetchRules, resolve: Resolver | None = None, allowed: Callable[[str], bool] = is_public
    ) -> None:
        self._rules = rules
        self._resolve = resolve or addresses_of
        self._allowed = allowed

    async def fetch(self, url: str, param: str) -> bytes:
        """A picture's bytes, not yet looked at. Raises ``BackendError(INVALID_REQUEST)`` naming ``param``."""
        target = self._target(url, param)
        try:
            async with asyncio.timeout(self._rules.seconds):
                addresses = await self._addresses(target)
                return await self._get(target, addresses, param)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _refused(param, _UNREACHABLE, f"{type(error).__name__}: {error}") from None

    def _target(self, text: str, param: str) -> URL:
        """What can be said of a URL by looking at it."""
        if len(text) > _MOST_URL:
            raise _refused(param, f"a URL has at most {_MOST_URL} characters")
        if any(not 0x21 <= ord(each) <= 0x7E or each == "\\" for each in text):
            raise _refused(param, "a URL has no spaces, backslashes or characters beyond ASCII")
        try:
            url = URL(text)
            port = url.port
        except ValueError:
            raise _refused(param, "this is no URL") from None
        if url.scheme not in self._rules.schemes:
            raise _refused(param, f"only {' and '.join(self._rules.schemes)} URLs are fetched")
        if not url.host or "%" in url.host:
            raise _refused(param, "this is no URL")
        # An empty user is not in the URL any more, and means that somebody tries to confuse a parser.
        if url.user is not None or url.password is not None or "@" in re.split("[/?#]", text.partition("://")[2])[0]:
            raise _refused(param, "a URL with a user or password is not fetched")
        if port not in (_PORTS[url.scheme], *self._rules.ports):
            raise _refused(param, "only the usual port of a URL's scheme is fetched from")
        return url.with_fragment(None)

    async def _addresses(self, url: URL) -> tuple[str, ...]:
        """All of them, each allowed. One that is not makes the name a trap."""
        assert url.host is not None
        assert url.port is not None
        found = tuple(dict.fromkeys(await self._resolve(url.host, url.port)))
        if not found or not all(self._allowed(each) for each in found):
            raise OSError("an address that may not be reached")
        return found

    async def _get(self, url: URL, addresses: tuple[str, ...], param: str) -> bytes:
        connector = aiohttp.TCPConnector(resolver=Pinned(addresses), use_dns_cache=False, force_close=True)
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                headers={"accept": ", ".join(sorted(_TYPES)), "accept-encoding": "identity", "user-agent": "forebay"},
            ) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status in range(300, 400):
                raise _refused(param, "this URL leads to another: give that one")
            if answer.status != 200:
                raise OSError(f"status {answer.status}")
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                raise OSError("a compressed body")
            if answer.content_type not in _TYPES:
                raise _refused(param, "what is at this URL is not called a PNG, JPEG or WebP picture")
            return await self._body(answer, param)

    async def _body(self, answer: aiohttp.ClientResponse, param: str) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self._rules.most_bytes:
                detail = f"{param}: a picture has at most {self._rules.most_bytes} bytes"
                raise BackendError(Cause.INVALID_REQUEST, detail, param=param, code="file_too_large")
        if not body:
            raise OSError("an empty body")
        return bytes(body)


def _refused(param: str, detail: str, private: str = "") -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, f"{param}: {detail}", param=param, private=private)
