"""Calls to a scripted upstream, and the scripts most tests need."""

import asyncio

import pytest

from backends.contract import Call
from backends.errors import BackendError
from backends.http.relay import HttpBackend
from tests.fakes.upstream import DEADLINE, Peer, upstream

BODY = b'{"model":"m"}'
EVENTS = [b'data: {"n":%d}\n\n' % number for number in range(5)]
END = b"data: [DONE]\n\n"


def call(*, stream: bool = False, **fields) -> Call:
    given = {"path": "/v1/chat/completions", "body": BODY, "request_id": "req_1", "stream": stream}
    return Call(**(given | fields))


def answers(*pieces: bytes, times: int = 1):
    """A script: for each of ``times`` requests the same bytes."""

    async def script(peer: Peer) -> None:
        for _ in range(times):
            if not await peer.request():
                return
            await peer.send(*pieces)

    return script


async def waiting(peer: Peer) -> None:
    """Takes a request and says nothing; notes when the client leaves."""
    await peer.request()
    await peer.request()


async def read(reply) -> bytes:
    return reply.first + b"".join([piece async for piece in reply])


async def failing(script, **fields) -> BackendError:
    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        with pytest.raises(BackendError) as caught:
            async with asyncio.timeout(DEADLINE):
                await read(await backend.open(call(**fields)))
        await backend.aclose()
        return caught.value
