"""Anthropic's Python SDK, unmodified: what it makes of refusals, whole and in the middle of a stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anthropic
import pytest

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import control_of
from tests.sdk.saying import saying
from tests.sdk.strict import strict_anthropic

HELLO = [{"role": "user", "content": "Hello"}]
Call = Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]


@pytest.fixture
async def anthropic_sdk() -> AsyncIterator[anthropic.AsyncAnthropic]:
    """A gateway of its own: one that saw an engine fail too often asks it no more."""
    async with running_gateway({"m": engine_profile("m")}) as running, strict_anthropic(running) as made:
        yield made


def ordered(status: int, **orders: object) -> list[Any]:
    return [{"role": "user", "content": "fake: " + json.dumps({"status": status, **orders})}]


def ask(client: anthropic.AsyncAnthropic, **fields: Any) -> Awaitable[Any]:
    return client.messages.create(**{"model": "m", "max_tokens": 100, "messages": HELLO} | fields)


def assert_named(error: anthropic.APIStatusError) -> None:
    assert error.request_id is not None
    assert error.request_id.startswith("req_")
    assert error.request_id == error.response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("fields", "wanted", "kind", "words"),
    [
        ({"max_tokens": 0}, anthropic.BadRequestError, "invalid_request_error", "max_tokens"),
        ({"messages": []}, anthropic.BadRequestError, "invalid_request_error", "messages"),
        ({"model": "nope"}, anthropic.NotFoundError, "not_found_error", "nope"),
        ({"messages": ordered(400, message="so not")}, anthropic.BadRequestError, "invalid_request_error", "so not"),
        ({"messages": ordered(429, retry_after=3000)}, anthropic.RateLimitError, "rate_limit_error", "429"),
        ({"messages": ordered(500)}, anthropic.InternalServerError, "api_error", "500"),
        ({"messages": ordered(504)}, anthropic.GatewayTimeoutError, "timeout_error", "504"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_refusals_have_the_sdks_own_classes(
    fields: dict[str, Any], wanted: type[anthropic.APIStatusError], kind: str, words: str, stream: bool,
    anthropic_sdk: anthropic.AsyncAnthropic,
) -> None:  # fmt: skip
    with pytest.raises(wanted) as caught:
        await ask(anthropic_sdk, stream=stream, **fields)
    assert caught.value.type == kind
    assert words in (caught.value.api_message or "")
    assert_named(caught.value)


async def test_what_is_wrong_with_a_count_or_a_path(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    calls: list[Call] = [
        lambda sdk: sdk.messages.count_tokens(model="nope", messages=[{"role": "user", "content": "x"}]),
        lambda sdk: sdk.models.retrieve("nope"),
        lambda sdk: sdk.messages.batches.retrieve("batch_1"),
    ]
    for call in calls:
        with pytest.raises(anthropic.NotFoundError) as caught:
            await call(anthropic_sdk)
        assert caught.value.type == "not_found_error"
        assert_named(caught.value)


@pytest.mark.parametrize("helper", [False, True])
async def test_a_stream_that_breaks_raises(helper: bool, anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    broken: Any = [{"role": "user", "content": saying(text="Hello there", cut_after=2)}]
    seen: set[str] = set()

    async def read() -> None:
        if helper:
            async with anthropic_sdk.messages.stream(model="m", max_tokens=9, messages=broken) as stream:
                async for event in stream:
                    seen.add(event.type)
        else:
            async for event in await ask(anthropic_sdk, messages=broken, stream=True):
                seen.add(event.type)

    with pytest.raises(anthropic.APIStatusError) as caught:
        await read()
    assert caught.value.type == "api_error"
    assert_named(caught.value)
    assert "content_block_delta" in seen
    assert "message_stop" not in seen


# --- limits and keys --------------------------------------------------------------------------------------------------


@pytest.fixture
async def guarded() -> AsyncIterator[RunningGateway]:
    async with running_gateway(
        {"m": engine_profile("m")}, api_key="sesame-1234", max_in_flight_per_key=1, max_body_bytes=5000
    ) as running:
        yield running


async def test_a_wrong_key_is_an_authentication_error_everywhere(guarded: RunningGateway) -> None:
    async with anthropic.AsyncAnthropic(base_url=guarded.address, api_key="wrong", max_retries=0) as client:
        calls: list[Call] = [
            ask,
            lambda sdk: sdk.messages.count_tokens(model="m", messages=[{"role": "user", "content": "x"}]),
            lambda sdk: sdk.models.list(),
            lambda sdk: sdk.models.retrieve("m"),
        ]
        for call in calls:
            with pytest.raises(anthropic.AuthenticationError) as caught:
                await call(client)
            assert caught.value.type == "authentication_error"
            assert_named(caught.value)


@pytest.mark.parametrize("given", [{"api_key": "sesame-1234"}, {"auth_token": "sesame-1234"}])
async def test_the_right_key_opens(given: dict[str, str], guarded: RunningGateway) -> None:
    async with anthropic.AsyncAnthropic(base_url=guarded.address, max_retries=0, **given) as client:
        assert (await ask(client)).content
        older = client.with_options(default_headers={"x-api-key": "sesame-1234", "authorization": anthropic.omit})
        assert (await ask(older)).content, "the name that keys had before"


async def test_what_is_too_much_at_once(guarded: RunningGateway) -> None:
    async with anthropic.AsyncAnthropic(base_url=guarded.address, api_key="sesame-1234", max_retries=0) as client:
        with pytest.raises(anthropic.ContentTooLargeError) as large:
            await ask(client, messages=[{"role": "user", "content": "x" * 6000}])
        assert large.value.type == "request_too_large"
        assert_named(large.value)
        await ask(client)
        (pid,) = [running.pid for running in guarded.services.runtime.running.values()]
        assert pid is not None
        engine = control_of(pid)
        held = asyncio.create_task(ask(client, messages=[{"role": "user", "content": 'fake: {"hold": 0}'}]))
        await engine.wait("held")
        with pytest.raises(anthropic.RateLimitError) as limited:
            await ask(client)
        assert limited.value.type == "rate_limit_error"
        assert limited.value.response.headers["retry-after"] == "1"
        assert_named(limited.value)
        await engine.release()
        assert (await held).content
