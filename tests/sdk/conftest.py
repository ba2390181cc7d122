"""The gateways that the SDKs talk to: one a runtime for the whole session, ended by their pids."""

from collections.abc import Iterator
from contextlib import ExitStack

import openai
import pytest

from tests.real_gateway import RUNTIMES, RealGateway, real_gateway


@pytest.fixture(scope="session")
def gateways() -> Iterator[dict[str, RealGateway]]:
    """Filled as runtimes are asked for."""
    with ExitStack() as stack:
        started: dict[str, RealGateway] = {}
        stack.callback(started.clear)

        class Lazily(dict[str, RealGateway]):
            def __missing__(self, runtime: str) -> RealGateway:
                self[runtime] = stack.enter_context(real_gateway(runtime))
                return self[runtime]

        yield Lazily()


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
