"""Gateways in processes of their own, ended with the test."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.fakes.gateway_process import Begin, GatewayProcess


@pytest.fixture
async def begin() -> AsyncIterator[Begin]:
    async with AsyncExitStack() as stack:

        async def make(*profiles: str, start: bool = True, **settings: object) -> GatewayProcess:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb", dir="/tmp")))  # sockets: short
            stems = {text.split()[1]: text for text in profiles}  # a profile begins with its id
            gateway = GatewayProcess(root, stems, **settings)
            stack.push_async_callback(gateway.close)
            if start:
                await gateway.start()
            return gateway

        yield make
