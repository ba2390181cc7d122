"""SIGKILL of the gateway while a provider makes a clip: nothing is paid for twice, and what can go on goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.fakes.cloud import FakeCloud, answer
from tests.fakes.far_away import HOST, certificate
from tests.fakes.far_vendor import FILES, link, model, provider, spent_in
from tests.fakes.gateway_process import DEADLINE, Begin, GatewayProcess
from tests.fakes.vendor import CLIP, Vendor, clips
from tests.fakes.video_client import URL, VideoClient

RESUMED = ("after_note", "after_generation", "after_work", "after_rename", "before_finish")
UNKNOWN = ("after_mark", "after_remote")
ASKED = {"model": "far-clip", "prompt": "a boat", "seconds": "5"}
WHOLE = 500_000_000


@asynccontextmanager
async def mortal(begin: Begin, folder: Path, point: str) -> AsyncIterator[tuple[GatewayProcess, Vendor]]:
    shown, pem = certificate(HOST, FILES)
    (folder / "ca.pem").write_text(pem)
    async with FakeCloud.running((), tls=shown) as cloud:
        vendor = Vendor(cloud)
        vendor.states = [answer({"status": "RUNNING"}), answer({"status": "RUNNING"}),
                         answer({"status": "SUCCEEDED", "output": [link(vendor, "a.mp4", CLIP)]})]  # fmt: skip
        profile = model("far-clip", "video", "clips: [{usd: 0.1}]")
        gateway = await begin(profile, start=False, cloud="named", cloud_budget_day="5")
        providers = gateway.root / "profiles" / "providers"
        providers.mkdir()
        (providers / "far.yaml").write_text(provider(clips(job={"every": [0.05, 0.05]})))
        gateway.module = "tests.fakes.mortal_gateway"
        gateway.env |= {"FOREBAY_TEST_KILL_AT": point, "FOREBAY_TEST_FAR": f"{cloud.port} {folder / 'ca.pem'}"}
        await gateway.start()
        yield gateway, vendor


async def died_and_back(gateway: GatewayProcess) -> str:
    """The job that was under way."""
    try:
        job = (await gateway.client.post(URL, json=ASKED)).json()["id"]
    except httpx.TransportError:
        job = ""
    assert await gateway.ended() == -9
    gateway.env.pop("FOREBAY_TEST_KILL_AT")
    await gateway.start()
    return job or (await gateway.client.get(URL)).json()["data"][0]["id"]


@pytest.mark.parametrize("point", RESUMED)
async def test_what_has_begun_goes_on_and_is_paid_for_once(begin: Begin, tmp_path: Path, point: str) -> None:
    async with mortal(begin, tmp_path, point) as (gateway, vendor):
        job = await died_and_back(gateway)
        video = await VideoClient(gateway.client).ended({"id": job})
        assert video["status"] == "completed", video
        assert (await gateway.client.get(f"{URL}/{job}/content")).content == CLIP
        assert (len(vendor.creates), vendor.cancels) == (1, [])
        await booked(gateway, [("far", 1, WHOLE, 0)])


@pytest.mark.parametrize("point", UNKNOWN)
async def test_what_may_have_begun_is_not_begun_again_and_counts(begin: Begin, tmp_path: Path, point: str) -> None:
    async with mortal(begin, tmp_path, point) as (gateway, vendor):
        job = await died_and_back(gateway)
        video = await VideoClient(gateway.client).ended({"id": job})
        assert (video["status"], video["error"]["code"]) == ("failed", "unknown_outcome"), video
        assert len(vendor.creates) == (point == "after_remote")
        await booked(gateway, [("far", 1, 0, WHOLE)])


async def test_one_that_is_cancelled_while_nobody_follows_it_is_cancelled_there(begin: Begin, tmp_path: Path) -> None:
    async with mortal(begin, tmp_path, "after_cancel") as (gateway, vendor):
        vendor.states = [answer({"status": "RUNNING"})]
        job = (await gateway.client.post(URL, json=ASKED)).json()["id"]
        async with asyncio.timeout(DEADLINE):
            while len(vendor.looks) < 2:
                await asyncio.sleep(0.01)
        with pytest.raises(httpx.TransportError):
            await gateway.client.delete(f"{URL}/{job}")
        assert await gateway.ended() == -9
        gateway.env.pop("FOREBAY_TEST_KILL_AT")
        await gateway.start()
        async with asyncio.timeout(DEADLINE):
            while not vendor.cancels:
                await asyncio.sleep(0.01)
        assert (await VideoClient(gateway.client).now({"id": job}))["status"] == "cancelled"


async def booked(gateway: GatewayProcess, wanted: list[tuple[str, int, int, int]]) -> None:
    """What is written behind the answers has been written."""
    async with asyncio.timeout(DEADLINE):
        while spent_in(gateway.state) != wanted:
            await asyncio.sleep(0.05)
