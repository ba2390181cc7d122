"""The gateways that the SDKs talk to, and the SDKs as anybody would make them, but strict about every answer's shape.

Real ones: one a runtime for the whole session, ended by their pids. Scripted ones: one a file, in a loop of its own.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import anthropic
import openai
import pytest
import pytest_asyncio

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.real_gateway import RUNTIMES, RealGateway, real_gateway
from tests.sdk.strict import strict_anthropic, strict_openai


class _Lazily(dict[str, RealGateway]):
    """A gateway a runtime, started when it is asked for; what cannot be started is not tried again."""

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack
        self._reasons: dict[str, str] = {}

    def __missing__(self, runtime: str) -> RealGateway:
        if runtime in self._reasons:
            pytest.skip(self._reasons[runtime])
        try:
            self[runtime] = self._stack.enter_context(real_gateway(runtime))
        except pytest.skip.Exception as skipped:
            self._reasons[runtime] = str(skipped)
            raise
        return self[runtime]


@pytest.fixture(scope="session")
def gateways() -> Iterator[dict[str, RealGateway]]:
    """By runtime."""
    with ExitStack() as stack:
        yield _Lazily(stack)


@pytest.fixture(params=RUNTIMES)
def gateway(request: pytest.FixtureRequest, gateways: dict[str, RealGateway]) -> RealGateway:
    """A running gateway whose engine is of that runtime."""
    return gateways[request.param]


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[str, openai.OpenAI]]:
    """By address; making one takes longer than many an answer."""
    made: dict[str, openai.OpenAI] = {}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def client(gateway: RealGateway, clients: dict[str, openai.OpenAI]) -> openai.OpenAI:
    """The official client as anybody would make it, without retries, and strict about the shape of every answer."""
    if gateway.base_url not in clients:
        clients[gateway.base_url] = openai.OpenAI(
            base_url=gateway.base_url, api_key="none", max_retries=0, timeout=90, _strict_response_validation=True
        )
    return clients[gateway.base_url]


@pytest.fixture
def lenient(client: openai.OpenAI) -> openai.OpenAI:
    """The client as it comes, for what its own types do not know: the base64 it asks for, a first token's score."""
    return client.with_options(_extra_kwargs={"_strict_response_validation": False})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted() -> AsyncIterator[RunningGateway]:
    """Its model ``m`` says what a message tells it to (``saying``)."""
    async with running_gateway({"m": engine_profile("m")}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def anthropic_sdk(scripted: RunningGateway) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with strict_anthropic(scripted) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def openai_sdk(scripted: RunningGateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with strict_openai(scripted) as made:
        yield made


@pytest.fixture(scope="session")
def anthropic_clients() -> Iterator[dict[str, anthropic.Anthropic]]:
    """By address."""
    made: dict[str, anthropic.Anthropic] = {}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def anthropic_client(gateway: RealGateway, anthropic_clients: dict[str, anthropic.Anthropic]) -> anthropic.Anthropic:
    """The same over a real engine."""
    if gateway.address not in anthropic_clients:
        anthropic_clients[gateway.address] = anthropic.Anthropic(
            base_url=gateway.address, api_key="none", max_retries=0, timeout=90, _strict_response_validation=True
        )
    return anthropic_clients[gateway.address]
