"""Which models an agent can work with, and with which figures."""

import pytest

from backends.contract import Task
from backends.errors import BackendError, Cause
from gateway.catalog.listing import ModelListing, VariantListing
from gateway.commands.agents.agent import AGENTS, ROOM
from gateway.commands.agents.served import Served, served


def variant(name: str, context: int | None, *, fits: bool = True) -> VariantListing:
    return VariantListing(
        name=name, engine="llama_cpp", device_bytes=1, host_bytes=0, fits=fits, context_tokens=context
    )


def listing(
    *variants: VariantListing,
    tasks: tuple[Task, ...] = (Task.CHAT,),
    context: int | None = 131_072,
    output: int | None = None,
    why_not: str | None = None,
) -> ModelListing:
    return ModelListing(
        id="m", name="M", description="", catalog_rows=(), modality="llm", tasks=tasks, tier=None, licence="MIT",
        open_weights=True, lifecycle="active", where="local", variants=variants, fits=True, served=why_not is None,
        verified_by=None, why_not=why_not, context_tokens=context, max_output_tokens=output, parameters=None,
        aliases=(),
    )  # fmt: skip


def figures(name: str, found: ModelListing) -> tuple[int, int]:
    known = served(name, found, "http://h")
    assert (known.model, known.address) == (name, "http://h")
    return known.context, known.output


def test_an_eighth_is_for_the_answer_within_the_models_own_limit_and_the_agents() -> None:
    assert figures("m", listing(variant("a", 65_536))) == (65_536, 8_192)
    assert figures("m", listing(variant("a", 65_536), output=2_000)) == (65_536, 2_000)
    assert figures("m", listing(variant("a", None), context=1_000_000)) == (1_000_000, 32_000)


def test_the_context_is_that_of_the_variant_which_is_served_or_named() -> None:
    found = listing(variant("large", 131_072, fits=False), variant("small", 32_768))
    assert figures("m", found) == (32_768, 4_096)
    assert figures("m:large", found) == (131_072, 16_384)
    assert figures("auto:chat", found) == (32_768, 4_096)
    assert figures("small", found) == (32_768, 4_096)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            listing(variant("a", 8), tasks=(Task.EMBEDDING, Task.COMPLETION)),
            "m does not chat: it serves embedding, completion",
        ),
        (listing(why_not="no engine runs it"), "m is not served: no engine runs it"),
        (listing(variant("a", None), context=None), "nobody knows the context of m"),
    ],
)
def test_what_no_agent_can_work_with(found: ModelListing, said: str) -> None:
    with pytest.raises(BackendError, match=said) as raised:
        served("m", found, "http://h")
    assert raised.value.cause is Cause.INVALID_REQUEST


@pytest.mark.parametrize(("name", "enough", "too_small"), [
    ("claude", 32_768, 32_000), ("codex", 16_384, 14_000), ("opencode", 16_384, 12_000),
])  # fmt: skip
def test_a_context_in_which_an_agent_only_compacts(name: str, enough: int, too_small: int) -> None:
    agent = AGENTS[name]
    agent.check(Served(model="m", address="", context=enough, output=enough // 8))
    left = agent.least - agent.least // 8 - agent.prompt - agent.reserve
    assert ROOM <= left <= ROOM + 1
    with pytest.raises(BackendError, match=f"m is served with {too_small} tokens of context, and {agent.title} needs "):
        agent.check(Served(model="m", address="", context=too_small, output=too_small // 8))
