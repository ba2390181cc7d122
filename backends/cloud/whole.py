"""The body of a provider's answer as a whole, bounded in size and time; and its headers."""

import asyncio

import aiohttp

from backends.errors import BackendError, Cause


async def whole_body(response: aiohttp.ClientResponse, seconds: float, most: int) -> bytes:
    """The body, if it has no more bytes. Raises ``BackendError``: it takes too long, breaks off, or is too large."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in response.content.iter_any():
                parts.append(chunk)
                size += len(chunk)
                if size > most:
                    raise BackendError(Cause.UPSTREAM_PROTOCOL, "the provider's answer is too large")
    except TimeoutError:
        raise BackendError(Cause.UPSTREAM_TIMEOUT, "the provider's answer did not end in time") from None
    except (aiohttp.ClientError, OSError) as error:
        private = f"{type(error).__name__}: {error}"[:512]
        raise BackendError(Cause.STREAM_BROKEN, "the provider broke its answer off", private=private) from None
    return b"".join(parts)


def headers_of(response: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    """Its headers as bytes, their names in lower case."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
