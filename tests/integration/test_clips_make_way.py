"""A running clip and people who want its memory: they wait as long as the operator bears, it loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat
from tests.fakes.picture_profile import video_profile
from tests.fakes.video_client import VideoClient

HALF = 600_000_000


@asynccontextmanager
async def narrow(**settings: object) -> AsyncIterator[tuple[RunningGateway, VideoClient]]:
    """Room for a chat or for a clip."""
    profiles = {"film": video_profile("film", size=HALF), "m": engine_profile("m", size=HALF)}
    async with running_gateway(profiles, memory_limit=2 * HALF - 1, **settings) as gateway:
        yield gateway, VideoClient(gateway.client)


async def running(gateway: RunningGateway, videos: VideoClient, folder: Path) -> dict:
    """A clip that is being made until ``go`` is in ``folder``."""
    folder.mkdir(exist_ok=True)
    video = await videos.created(prompt=f"hold {folder}")
    await gateway.until((folder / "held").exists)
    return video


async def test_a_person_waits_so_long_and_the_clip_is_made_afterwards(tmp_path: Path) -> None:
    async with narrow(clip_hold=0.5) as (gateway, videos):
        video = await running(gateway, videos, tmp_path)
        answer = await gateway.client.post(CHAT, json=chat("m"))
        assert answer.status_code == 200, answer.text
        assert (await videos.now(video))["status"] == "queued"
        (tmp_path / "go").touch()
        done = await videos.ended(video)
        assert (done["status"], done["forebay"]["attempts"]) == ("completed", 1)


async def test_where_the_operator_says_so_a_clip_is_never_cut(tmp_path: Path) -> None:
    async with narrow(clip_hold=0) as (gateway, videos):
        video = await running(gateway, videos, tmp_path)
        asked = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 1)
        await asyncio.sleep(2.5)  # the look at who waits is made each second
        assert not asked.done()
        assert (await videos.now(video))["status"] == "in_progress"
        (tmp_path / "go").touch()
        answer: httpx.Response = await asked
        assert answer.status_code == 200
        assert (await videos.ended(video))["status"] == "completed"


async def test_a_clip_gives_way_only_so_often(tmp_path: Path) -> None:
    async with narrow(clip_hold=0.2) as (gateway, videos):
        video = await running(gateway, videos, tmp_path)
        for _ in range(2):
            assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200
            (tmp_path / "held").unlink()
            await gateway.until((tmp_path / "held").exists)
        asked = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 1)
        await asyncio.sleep(2.5)
        assert not asked.done(), "now it is the person who waits"
        (tmp_path / "go").touch()
        assert (await videos.ended(video))["status"] == "completed"
        assert (await asked).status_code == 200


async def test_a_chat_that_fits_beside_a_clip_does_not_disturb_it(tmp_path: Path) -> None:
    profiles = {"film": video_profile("film"), "m": engine_profile("m")}
    async with running_gateway(profiles, clip_hold=0.01) as gateway:
        videos = VideoClient(gateway.client)
        video = await running(gateway, videos, tmp_path)
        assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200
        assert (await videos.now(video))["status"] == "in_progress"
        (tmp_path / "go").touch()
        assert (await videos.ended(video))["status"] == "completed"


async def test_a_model_that_goes_while_its_clip_is_made_stops_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.jobs.videos._LOOK", 0.02)
    profiles = {"film": video_profile("film"), "other": video_profile("other")}
    async with running_gateway(profiles, reload_every=0.02) as gateway:
        videos = VideoClient(gateway.client)
        video = await running(gateway, videos, tmp_path)
        await gateway.until(lambda: any(each.variant for each in gateway.services.videos.runner.attempts))
        (gateway.profiles / "film.yaml").unlink()
        await gateway.until(lambda: "film" not in gateway.services.catalog.catalog.profiles)
        async with asyncio.timeout(30):
            assert (await videos.made(model="other"))["status"] == "completed"
        (tmp_path / "go").touch()
        assert (await videos.ended(video))["status"] == "completed"
