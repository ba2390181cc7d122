"""Anthropic's Python SDK, unmodified and strict: which models there are, page by page, and what one of them is."""

import time
from collections.abc import AsyncIterator

import anthropic
import pytest
import pytest_asyncio

from tests.fakes.gateway import engine_profile, running_gateway
from tests.sdk.strict import strict_anthropic

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROFILES = {
    "m": engine_profile("m", extra="aliases: [first]\nlimits: {max_output_tokens: 50}"),
    "n": engine_profile("n", extra="lifecycle: ending"),
    "old": engine_profile("old", extra="lifecycle: retired"),
    "words": engine_profile("words").replace("[chat, completion, embedding, rerank, score]", "[embedding]"),
}
IDS = ["m", "anthropic/m", "n", "anthropic/n"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdk() -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with running_gateway(PROFILES) as gateway, strict_anthropic(gateway) as made:
        yield made


async def test_all_of_them(sdk: anthropic.AsyncAnthropic) -> None:
    page = await sdk.models.list()
    assert [model.id for model in page.data] == IDS, "those that chat, under the names that this dialect's clients keep"
    assert (page.first_id, page.last_id, page.has_more) == (IDS[0], IDS[-1], False)
    assert [model.id async for model in sdk.beta.models.list()] == IDS


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 1000])
async def test_page_by_page(limit: int, sdk: anthropic.AsyncAnthropic) -> None:
    assert [model.id async for model in sdk.models.list(limit=limit)] == IDS
    page = await sdk.models.list(limit=limit)
    assert len(page.data) == min(limit, len(IDS))
    assert page.has_next_page() is (limit < len(IDS))


async def test_pages_backwards(sdk: anthropic.AsyncAnthropic) -> None:
    page = await sdk.models.list(limit=2, before_id="anthropic/n")
    assert ([model.id for model in page.data], page.has_more) == (["anthropic/m", "n"], True)
    earlier = await page.get_next_page()
    assert ([model.id for model in earlier.data], earlier.has_more) == (["m"], False)


async def test_retired_ones_for_who_asks(sdk: anthropic.AsyncAnthropic) -> None:
    found = [(model.id, model.lifecycle) async for model in sdk.models.list(lifecycle=["deprecated", "retired"])]
    assert [each for each in found if "/" not in each[0]] == [("n", "deprecated"), ("old", "retired")]


@pytest.mark.parametrize(
    ("name", "known"), [("m", "m"), ("first", "m"), ("m:only", "m"), ("anthropic/m", "anthropic/m"), ("old", "old")]
)
async def test_one_by_its_name(name: str, known: str, sdk: anthropic.AsyncAnthropic) -> None:
    model = await sdk.models.retrieve(name)
    assert (model.id, model.type) == (known, "model")
    assert abs(model.created_at.timestamp() - time.time()) < 3600
    raw = await sdk.models.with_raw_response.retrieve(name)
    assert raw.headers["request-id"] == raw.headers["x-request-id"]


async def test_what_is_said_of_it(sdk: anthropic.AsyncAnthropic) -> None:
    model = await sdk.models.retrieve("m")
    assert (model.display_name, model.lifecycle) == ("m", "active")
    assert (model.max_input_tokens, model.max_tokens) == (8192, 50)
    assert model.capabilities is not None
    assert model.capabilities.thinking.types.disabled.supported, "it is never refused"
    assert not model.capabilities.server_tools.supported
    assert not model.capabilities.batch.supported


async def test_refusals(sdk: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as unknown:
        await sdk.models.retrieve("org/nope")
    assert unknown.value.type == "not_found_error"
    for wrong in ({"limit": 0}, {"limit": 1001}, {"after_id": "nope"}):
        with pytest.raises(anthropic.BadRequestError) as refused:
            await sdk.models.list(**wrong)  # type: ignore[arg-type]
        assert refused.value.type == "invalid_request_error"
        assert next(iter(wrong)) in (refused.value.api_message or "")
        assert refused.value.request_id == refused.value.response.headers["x-request-id"]
