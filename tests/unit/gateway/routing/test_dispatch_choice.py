"""Which variant a request gets when several would do: what fits beside, what is short of context, what failed."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from gateway.routing.pick import Ask
from tests.unit.gateway.routing.stage import error, profile, variant


async def test_a_smaller_variant_is_taken_rather_than_a_model_in_use_moved(stage):
    here = stage(
        profile("alpha", variant("big", gib=8), variant("small", gib=2)), profile("beta", variant("only", gib=7))
    )
    held = await here.open("beta")
    opened = await here.open("alpha")
    assert opened.candidate.variant.name == "small"
    assert opened.attempts == 1
    held.close()
    opened.close()


async def test_the_preferred_one_where_there_is_room(stage):
    here = stage(profile("alpha", variant("big", gib=8), variant("small", gib=2)))
    assert (await here.served("alpha")).candidate.variant.name == "big"


async def test_a_variant_whose_context_is_too_short_comes_last(stage):
    shared = variant("shared", context=16_000, slots=4)
    here = stage(profile("alpha", variant("short", context=1000), shared, variant("long", context=100_000)))
    opened = await here.open("alpha", ask=Ask(context_tokens=5000))
    assert opened.candidate.variant.name == "long"
    opened.close()


async def test_one_too_short_for_all_still_gets_an_answer_from_the_engine(stage):
    here = stage(profile("alpha", variant("short", context=1000)))
    here.backends["alpha:short"].says.append(error(Cause.CONTEXT_LENGTH))
    with pytest.raises(BackendError) as failure:
        await here.open("alpha", ask=Ask(context_tokens=5000))
    assert failure.value.cause is Cause.CONTEXT_LENGTH, "the engine's word counts"


async def test_two_hundred_clients_load_a_cold_model_once(stage):
    here = stage(profile("alpha", variant("only")))
    opened = await asyncio.gather(*(_one(here) for _ in range(200)))
    assert len(opened) == 200
    assert here.launcher.begun == ["alpha:only"]


async def _one(here) -> str:
    opened = await here.open("alpha")
    opened.close()
    return opened.reason
