"""The SDKs as anybody would make them, but without retries and strict about the shape of every answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anthropic
import openai

from tests.fakes.gateway import RunningGateway


@asynccontextmanager
async def strict_anthropic(gateway: RunningGateway) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        base_url=gateway.address, api_key="none", max_retries=0, timeout=60, _strict_response_validation=True
    ) as made:
        yield made


@asynccontextmanager
async def strict_openai(gateway: RunningGateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{gateway.address}/v1", api_key="none", max_retries=0, timeout=60, _strict_response_validation=True
    ) as made:
        yield made
