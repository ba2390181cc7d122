"""python -m bench.spill [--calls N]: what the spillway adds to a call of a provider (a fake one, with TLS on loopback).

Direct calls and those through the gateway take turns, on kept connections: what else the machine does meets both.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import aiohttp

from backends.cloud.client import CloudClient
from tests.fakes.cloud import FakeCloud, answer, completion
from tests.fakes.far_away import HOST, certified, connector
from tests.fakes.gateway import running_gateway
from tests.fakes.spilling import ONLY, PROVIDER

_BODY = {"messages": [{"role": "user", "content": "Tell me about rivers. " * 20}], "max_tokens": 50}


async def compare(calls: int) -> None:
    shown, trust = certified(HOST)
    async with FakeCloud.running(answer(completion()), tls=shown) as cloud:
        ways = connector({HOST: cloud.port}, trust)
        profiles = {"providers/far": PROVIDER, "closed": ONLY.replace("successor: local\n", "")}
        client = CloudClient({"FAR_KEY": "k"}.get, ways)
        settings = {"cloud": "named", "cloud_budget_day": 1000.0}
        async with (
            running_gateway(profiles, client=client, **settings) as gateway,
            aiohttp.ClientSession(connector=ways()) as there,
            aiohttp.ClientSession() as here,
        ):

            async def direct() -> None:
                headers = {"authorization": "Bearer k"}
                async with there.post(
                    f"https://{HOST}/v1/chat/completions", json=_BODY | {"model": "far-1"}, headers=headers
                ) as got:
                    await got.read()

            async def through() -> None:
                async with here.post(f"{gateway.address}/v1/chat/completions", json=_BODY | {"model": "closed"}) as got:
                    assert got.status == 200, await got.text()
                    await got.read()

            for way in (direct, through):
                await timed(way, 20)
            alone, spilled = [], []
            for _ in range(calls):
                alone += await timed(direct, 1)
                spilled += await timed(through, 1)
    added = statistics.median(spilled) - statistics.median(alone)
    print(f"direct {statistics.median(alone):.2f} ms, through the gateway {statistics.median(spilled):.2f} ms: "
          f"{added:+.2f} ms at the median, reserved and settled")  # fmt: skip


async def timed(call: Callable[[], Awaitable[None]], times: int) -> list[float]:
    """Milliseconds of each."""
    took: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        await call()
        took.append((time.perf_counter() - begun) * 1000)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    asyncio.run(compare(parser.parse_args().calls))


main()
