"""A gateway with a far provider of texts: models that it serves alone, local ones, and some that do not fit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backends.cloud.client import CloudClient
from gateway.database import open_database
from gateway.spending.report import SpendingReport
from tests.fakes.cloud import FakeCloud, Script
from tests.fakes.far_away import HOST, certified, connector
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway

PROVIDER = f"""\
id: far
name: Far
kind: openai
base_url: https://{HOST}/v1
auth: {{secret: FAR_KEY}}
privacy: {{country: XX, trains: "no", retention_days: 30, as_of: 2026-11-23, source: its terms}}
"""
OFFER = """\
cloud:
  - {provider: far, model: far-1, output_tokens: 1000, as_of: 2026-11-23, source: its list,
     price: {tokens: {input: 1, output: 2}, as_of: 2026-11-23, source: its list}}
"""
ONLY = f"""\
id: closed
name: Closed
modality: llm
tasks: [chat]
licence: proprietary
open_weights: false
successor: local
{OFFER}"""
TOO_LARGE = 10**15
CHAT = "/v1/chat/completions"
SECRET = "a prompt that nobody else may see"
ASKED = {"messages": [{"role": "user", "content": SECRET}], "user": "ada"}
OPEN = {"cloud": "spill", "cloud_budget_day": 5.0}


@asynccontextmanager
async def serving(
    *scripts: Script,
    key: str | None = "s3cret",
    local: str | None = None,
    more: dict[str, str] | None = None,
    **settings: object,
) -> AsyncIterator[tuple[RunningGateway, FakeCloud]]:
    """``local`` fits and works, ``spilling`` is too large for any machine, ``closed`` is the provider's alone."""
    shown, trust = certified(HOST)
    async with FakeCloud.running(*scripts, tls=shown) as cloud:
        client = CloudClient({"FAR_KEY": key}.get, connector({HOST: cloud.port}, trust))
        profiles = {
            "providers/far": PROVIDER,
            "closed": ONLY,
            "local": local or engine_profile("local", extra=OFFER + "spill: {}"),
            "spilling": engine_profile("spilling", size=TOO_LARGE, extra=OFFER + "spill: {}"),
            "staying": engine_profile("staying", size=TOO_LARGE, extra=OFFER),
        } | (more or {})
        async with running_gateway(profiles, client=client, **settings) as gateway:
            yield gateway, cloud


async def ask(gateway: RunningGateway, model: str, headers: dict[str, str] | None = None, **fields: object):
    return await gateway.client.post(CHAT, json=ASKED | {"model": model} | fields, headers=headers)


def spent(gateway: RunningGateway) -> list[tuple[str, int, int, int]]:
    """(provider, calls, settled, still open) in billionths of a dollar."""
    database = open_database(gateway.root / "state" / "forebay.db")
    try:
        lines = SpendingReport(database).lines("provider")
        return [(line.of, line.calls, line.spent, line.reserved + line.unknown) for line in lines]
    finally:
        database.dispose()
