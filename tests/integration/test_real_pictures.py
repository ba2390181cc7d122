"""The whole gateway with the real diffusers worker on tiny random weights: load, make, kill, sleep, make again."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from backends.environments.environments import Environments
from tests.diffusers_fixtures import python, tiny
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import encoded_picture, tiny_profile

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
URL = "/v1/images/generations"


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    python()
    engines = Environments().root
    async with running_gateway(
        {"tiny": tiny_profile("tiny", tiny("stable_diffusion"))}, data_dir=engines.parent
    ) as running:
        running.client.timeout = 120
        yield running


def wanted(**fields: object) -> dict[str, object]:
    return {"model": "tiny", "prompt": "a cat", "seed": 3} | fields


async def test_a_picture_its_variation_and_the_same_again_after_the_worker_was_killed(gateway: RunningGateway) -> None:
    first = await gateway.client.post(URL, json=wanted())
    assert first.status_code == 200, first.text
    assert first.headers["x-forebay-backend"] == "diffusers"
    body = {"model": "tiny", "images": [{"b64_json": encoded_picture(64, 64)}], "strength": 0.5}
    varied = await gateway.client.post("/v1/images/variations", json=body)
    assert varied.status_code == 200, varied.text
    pid = gateway.services.runtime.running["tiny:fp32"].pid
    assert pid is not None
    cut = asyncio.ensure_future(gateway.client.post(URL, json=wanted(steps=1000)))
    await gateway.until(lambda: gateway.in_flight() == 1)
    psutil.Process(pid).kill()
    async with asyncio.timeout(60):
        answer = await cut
    assert answer.status_code == 502, answer.text
    again = await gateway.client.post(URL, json=wanted())
    assert again.status_code == 200, again.text
    assert again.json()["data"] == first.json()["data"]


async def test_what_is_not_here_says_what_to_run(gateway: RunningGateway) -> None:
    (gateway.profiles / "tiny.yaml").write_text(tiny_profile("tiny", gateway.root / "nothing"))
    await gateway.until(lambda: gateway.services.catalog.generation > 1)
    answer = await gateway.client.post(URL, json=wanted())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "weights_missing"), answer.text
    assert "forebay pull tiny" in answer.text
