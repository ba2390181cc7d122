"""A provider's stream, from its first event with data on; a whole answer is ``WholeReply``'s."""

import asyncio
from typing import Protocol, Self

import aiohttp

from backends.errors import BackendError, Cause
from backends.http.failed_event import Soundness
from backends.wire.sse import says

_TAIL = 4096


class Translation(Protocol):
    """What is done to the bytes on their way. ``finish`` raises ``BackendError`` for a stream that is not whole.

    ``usage``: bytes with the usage, where what is told holds none. ``counted``: what is told of it is the end of it.
    """

    @property
    def usage(self) -> bytes: ...

    @property
    def counted(self) -> bool: ...

    def feed(self, chunk: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class Unchanged:
    """Bytes as they come, up to an event that tells of a failure; whole when the last one is ``terminator``."""

    usage = b""
    counted = True

    def __init__(self, terminator: bytes) -> None:
        self._terminator = terminator
        self._tail = b""
        self._sound = Soundness()

    def feed(self, chunk: bytes) -> bytes:
        if self._sound.failed is not None:
            raise self._sound.failed
        data = self._sound.feed(chunk)
        self._tail = (self._tail + data)[-_TAIL:]
        return data

    def finish(self) -> bytes:
        if self._sound.failed is not None:
            raise self._sound.failed
        if self._terminator and not says(self._tail, self._terminator):
            raise BackendError(Cause.STREAM_BROKEN, "the provider ended its stream without finishing it")
        return b""


class CloudStream:
    """Implements ``Reply``. ``first`` are translated bytes; closing ends the connection, which stops the work there."""

    complete = False
    status = 200
    content_type = "text/event-stream"
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(
        self, response: aiohttp.ClientResponse, first: bytes, translation: Translation, *, idle_timeout: float
    ) -> None:
        self.first = first
        self._response = response
        self._translation = translation
        self._idle = idle_timeout
        self._tail = first[-_TAIL:]
        self._over = False

    @property
    def usage_tail(self) -> bytes:
        return self._tail + self._translation.usage if self._translation.counted else b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._over:
            try:
                async with asyncio.timeout(self._idle):
                    chunk = await self._response.content.readany()
            except TimeoutError:
                self.aclose()
                raise BackendError(Cause.UPSTREAM_TIMEOUT, "the provider's stream fell silent") from None
            except (aiohttp.ClientError, OSError) as error:
                self.aclose()
                private = f"{type(error).__name__}: {error}"[:512]
                raise BackendError(Cause.STREAM_BROKEN, "the provider's stream broke", private=private) from None
            data = self._next(chunk)
            if data:
                self._tail = (self._tail + data)[-_TAIL:]
                return data
        raise StopAsyncIteration

    def aclose(self) -> None:
        if not self._over:
            self._over = True
            self._response.close()

    def _next(self, chunk: bytes) -> bytes:
        try:
            if chunk:
                return self._translation.feed(chunk)
            data = self._translation.finish()
        except BackendError:
            self.aclose()
            raise
        self._over = True
        self._response.release()
        return data
