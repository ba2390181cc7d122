"""A name that was resolved and looked at once, and means nothing else afterwards."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult


class Resolver(Protocol):
    """The addresses of a name, as text."""

    async def __call__(self, host: str, port: int) -> Sequence[str]: ...


async def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. Raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Pinned(AbstractResolver):
    """Gives what was checked, whatever it is asked: the name cannot mean something else a moment later."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=each, port=port, family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0, flags=socket.AI_NUMERICHOST,
            )
            for each in self._addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is held."""
