"""Names that clients ask for by default, through the whole gateway."""

import pytest
from pydantic import ValidationError

from gateway.settings import Settings
from tests.fakes.gateway import engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat

PROFILES = {"m": engine_profile("m"), "other": engine_profile("other", extra="aliases: ['claude-2', 'claude-*']")}
CLOSED = """\
id: claude-far
name: Claude Far
modality: llm
tasks: [chat]
licence: proprietary
open_weights: false
why_not: only its maker serves it
"""


async def served(gateway, name: str) -> str | int:
    answer = await gateway.client.post(CHAT, json=chat(name))
    return answer.headers["x-forebay-model"] if answer.status_code == 200 else answer.status_code


async def test_the_operators_table_comes_after_ids_and_aliases_and_before_wildcards() -> None:
    async with running_gateway(PROFILES, model_aliases="claude-*=m,gpt-*=auto:chat,bad-*=nobody") as gateway:
        assert await served(gateway, "claude-sonnet-4-5") == "m"
        assert await served(gateway, "claude-2") == "other"
        assert await served(gateway, "gpt-5") in ("m", "other")
        assert await served(gateway, "bad-1") == 404
        assert await served(gateway, "unheard-of") == 404


async def test_the_operators_table_comes_before_a_name_that_nobody_here_serves() -> None:
    """Else a model of somebody's cloud would take a name away that an operator has given to one of his own."""
    async with running_gateway(PROFILES | {"claude-far": CLOSED}, model_aliases="claude-*=m") as gateway:
        assert await served(gateway, "claude-far") == "m"
        assert await served(gateway, "CLAUDE-FAR") == "m"
        assert await served(gateway, "claude-2") == "other"
        assert await served(gateway, "cloud/claude-far") != "m"
    async with running_gateway(PROFILES | {"claude-far": CLOSED}) as gateway:
        assert await served(gateway, "claude-far") not in ("m", "other")


async def test_unknown_names_get_the_default_where_there_is_one() -> None:
    async with running_gateway(PROFILES, default_model="m") as gateway:
        assert await served(gateway, "unheard-of") == "m"
        assert await served(gateway, "claude-x") == "other"


def test_a_table_that_is_none_stops_the_start() -> None:
    with pytest.raises(ValidationError, match="PATTERN=MODEL"):
        Settings(model_aliases=("claude",))
