"""Questions to an engine that take no slot, such as how many tokens something has: counted, so that it does not fall
asleep under one, and refused once it is about to. A vLLM asleep answers nothing, for ever.
"""

import asyncio

from backends.contract import Backend, Call, Health, Reply
from backends.errors import BackendError, Cause


class Beside:
    """Implements ``Backend`` over that of one engine. A question is over when ``open`` returns: answers are plain."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._under_way = 0
        self._shut = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def name(self) -> str:
        return self._backend.name

    async def open(self, call: Call) -> Reply:
        """Raises ``BackendError(UPSTREAM_CONNECT)`` when it is about to sleep, asleep, or going."""
        if self._shut:
            raise BackendError(Cause.UPSTREAM_CONNECT, "it is no longer there to be asked")
        self._under_way += 1
        self._quiet.clear()
        try:
            return await self._backend.open(call)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    async def health(self) -> Health:
        return await self._backend.health()

    async def aclose(self) -> None:
        """The engine's own connections are not for a questioner to close."""

    def shut(self) -> None:
        """No new questions."""
        self._shut = True

    def reopen(self) -> None:
        """It is awake."""
        self._shut = False

    async def quiet(self, patience: float) -> None:
        """Returns when no question is under way. Raises ``BackendError`` after ``patience`` seconds."""
        try:
            async with asyncio.timeout(patience):
                await self._quiet.wait()
        except TimeoutError:
            raise BackendError(Cause.UPSTREAM_TIMEOUT, "it does not answer a question beside its slots") from None
