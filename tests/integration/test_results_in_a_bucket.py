"""Results in an S3 bucket, through the whole gateway; and no room for results, wherever they are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bucket_fixtures import bucket, bucket_server  # noqa: F401
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import encoded_picture, video_profile
from tests.fakes.video_client import URL, VideoClient, error, wanted


@pytest.fixture
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[RunningGateway]:
    url = request.getfixturevalue("bucket")
    async with running_gateway({"film": video_profile("film")}, results_url=url) as running:
        yield running


async def test_a_job_whose_files_are_in_a_bucket(gateway: RunningGateway) -> None:
    videos = VideoClient(gateway.client)
    video = await videos.made(input_reference={"b64_json": encoded_picture(16, 16)}, seed=5)
    assert (await videos.said(video))["seed"] == 5
    part = await videos.content(video, headers={"range": "bytes=0-4"})
    assert (part.status_code, len(part.content)) == (206, 5)
    longer = await gateway.client.post(f"{URL}/{video['id']}/extend", json={"prompt": "on", "seconds": 1})
    assert (await videos.ended(longer.json()))["status"] == "completed"
    assert (await gateway.client.delete(f"{URL}/{video['id']}")).json()["deleted"]
    assert (await videos.content(longer.json())).status_code == 200
    state = gateway.root / "state" / "results"
    assert [path for path in state.rglob("*") if path.is_file()] == [], "nothing stays on this machine"


@pytest.mark.parametrize(
    ("settings", "said"), [({"results_bytes": 1}, "room for results"), ({"result_bytes": 2**61}, "disk")]
)
async def test_without_room_new_jobs_are_refused_and_nothing_is_lost(settings: dict[str, int], said: str) -> None:
    async with running_gateway({"film": video_profile("film")}) as gateway:
        video = await VideoClient(gateway.client).made()
        state, profiles = gateway.root / "state", gateway.profiles
        async with running_gateway({"film": video_profile("film")}, **({"result_bytes": 2**20} | settings)) as full:
            answer = await full.client.post(URL, json=wanted())
            assert (answer.status_code, error(answer)["code"]) == (507, "storage")
            assert said in error(answer)["message"] or "room" in error(answer)["message"]
            assert (await full.client.get(URL)).json()["data"] == []
            assert (await full.client.get("/ready")).status_code == 200
        assert (await VideoClient(gateway.client).now(video))["status"] == "completed"
        assert state.exists()
        assert profiles.exists()


async def test_what_is_queued_waits_until_there_is_room_for_its_result(tmp_path: Path) -> None:
    async with running_gateway(
        {"film": video_profile("film")}, result_bytes=2000, results_bytes=2200, job_slots=1
    ) as gateway:
        videos = VideoClient(gateway.client)
        held = await videos.created(prompt=f"hold {tmp_path}")
        waiting = await videos.created()
        await gateway.until((tmp_path / "held").exists)
        (tmp_path / "go").touch()
        done = await videos.ended(held)
        assert done["forebay"]["bytes"] > 200
        runner = gateway.services.videos.runner
        await gateway.until(lambda: "room" in runner.hindrance)
        assert (await videos.now(waiting))["status"] == "queued"
        await videos.http.delete(f"{URL}/{held['id']}")
        assert (await videos.ended(waiting))["status"] == "completed"


async def test_a_result_that_is_too_large_is_not_kept() -> None:
    async with running_gateway({"film": video_profile("film")}, result_bytes=100) as gateway:
        videos = VideoClient(gateway.client)
        failed = await videos.ended(await videos.created())
        assert (failed["status"], failed["error"]["code"]) == ("failed", "too_large")
        assert list((gateway.root / "state" / "results" / "kept").iterdir()) == []


async def test_a_result_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.jobs.housekeeping._EVERY", 0.05)
    async with running_gateway({"film": video_profile("film")}, result_seconds=0.2) as gateway:
        videos = VideoClient(gateway.client)
        video = await videos.ended(await videos.created())
        kept = gateway.root / "state" / "results" / "kept"
        async with asyncio.timeout(30):
            while (await videos.now(video))["status"] != "expired":
                pass  # each look is a request: the loop turns
        await gateway.until(lambda: not list(kept.rglob("*.mp4")))
        answer = await videos.content(video)
        assert (answer.status_code, error(answer)["code"]) == (404, "video_expired")
