"""Clips of models that only a provider makes: the same jobs, files and words as those of this machine."""

from typing import Any

import httpx
import pytest

from tests.fakes.cloud import SILENCE, answer
from tests.fakes.far_vendor import link, model, offering, spent, vending
from tests.fakes.gateway import RunningGateway
from tests.fakes.picture_profile import video_profile
from tests.fakes.vendor import CLIP, Vendor, clips, picture
from tests.fakes.video_client import VideoClient

PRICE = "clips: [{usd: 0.1}]"
PROFILE = {"far-clip": model("far-clip", "video, image_to_video", PRICE)}
ASKED = {"model": "far-clip", "prompt": "a boat", "seconds": "5"}
QUICK = clips(job={"every": [0.01, 0.01]})
RUNNING = answer({"status": "RUNNING", "progress": 0.5})


def done(vendor: Vendor, **more: object) -> tuple[object, ...]:
    return answer({"status": "SUCCEEDED", "output": [link(vendor, "a.mp4", CLIP)]} | more)


async def create(gateway: RunningGateway, headers: dict[str, str] | None = None, **fields: object) -> httpx.Response:
    return await gateway.client.post("/v1/videos", json=ASKED | fields, headers=headers)


async def until(gateway: RunningGateway, job: str, status: str) -> dict[str, Any]:
    now = await VideoClient(gateway.client).ended({"id": job})
    assert now["status"] == status, now
    return now


async def test_a_clip_is_made_kept_and_paid_for() -> None:
    async with vending(QUICK, PROFILE) as (gateway, vendor):
        vendor.states = [answer({"status": "PENDING"}), RUNNING, done(vendor)]
        created = await create(gateway)
        assert created.status_code == 200, created.text
        job = created.json()["id"]
        now = await until(gateway, job, "completed")
        told = now["forebay"]
        assert (told["where"], told["backend"], told["cost_usd"]) == ("cloud", "far", 0.5)
        content = await gateway.client.get(f"/v1/videos/{job}/content", headers={"range": "bytes=4-11"})
        assert (content.status_code, content.content) == (206, CLIP[4:12])
        assert vendor.creates[0].fields == {"prompt": "a boat", "ratio": "16:9", "seed": told["seed"]}
        await gateway.until(lambda: spent(gateway) == [("far", 1, 500_000_000, 0)])


async def test_what_the_vendor_says_it_cost_counts() -> None:
    async with vending(QUICK, PROFILE) as (gateway, vendor):
        vendor.states = [done(vendor, credits=12)]
        job = (await create(gateway)).json()["id"]
        assert (await until(gateway, job, "completed"))["forebay"]["cost_usd"] == 0.12
        await gateway.until(lambda: spent(gateway) == [("far", 1, 120_000_000, 0)])


async def test_a_cancelled_one_is_cancelled_there_too() -> None:
    async with vending(QUICK, PROFILE) as (gateway, vendor):
        vendor.states = [RUNNING]
        job = (await create(gateway)).json()["id"]
        await gateway.until(lambda: len(vendor.looks) > 1)
        assert (await gateway.client.delete(f"/v1/videos/{job}")).json()["status"] == "cancelled"
        await gateway.until(lambda: [sent.path for sent in vendor.cancels] == ["/v1/tasks/t1"])
        await until(gateway, job, "cancelled")
        await gateway.until(lambda: spent(gateway) == [("far", 1, 0, 500_000_000)])


async def test_what_the_vendor_could_not_do_fails_with_its_words_and_is_not_asked_for_again() -> None:
    async with vending(QUICK, PROFILE) as (gateway, vendor):
        vendor.states = [answer({"status": "FAILED", "failure": "too dark"})]
        job = (await create(gateway)).json()["id"]
        error = (await until(gateway, job, "failed"))["error"]
        assert (error["code"], error["message"]) == ("upstream_error", "Far could not do it: too dark")
        assert (len(vendor.creates), len(vendor.looks)) == (1, 1)


@pytest.mark.parametrize(
    ("shut", "headers", "status"),
    [
        ({"cloud": "off"}, {}, 403), ({"cloud_budget_day": None}, {}, 403), ({}, {"x-forebay-local-only": "1"}, 403),
    ],
    ids=["server", "key", "request"],
)  # fmt: skip
async def test_a_job_that_may_not_leave_is_refused_before_it_is_queued(
    shut: dict[str, object], headers: dict[str, str], status: int
) -> None:
    async with vending(QUICK, PROFILE, **shut) as (gateway, vendor):
        assert (await create(gateway, headers)).status_code == status
        assert vendor.cloud.connections == 0


async def test_a_budget_that_does_not_reach_fails_the_job_and_sends_nothing() -> None:
    async with vending(QUICK, PROFILE, cloud_budget_day=0.4) as (gateway, vendor):
        job = (await create(gateway)).json()["id"]
        assert (await until(gateway, job, "failed"))["error"]["code"] == "budget_exceeded"
        assert vendor.creates == []


async def test_a_request_whose_outcome_nobody_knows_is_not_sent_again() -> None:
    async with vending(clips(seconds=0.2, job={"every": [0.01, 0.01]}), PROFILE) as (gateway, vendor):
        vendor.created = (SILENCE,)
        job = (await create(gateway)).json()["id"]
        assert (await until(gateway, job, "failed"))["error"]["code"] == "unknown_outcome"
        assert len(vendor.creates) == 1
        await gateway.until(lambda: spent(gateway) == [("far", 1, 0, 500_000_000)])


async def test_a_clip_of_the_cloud_is_not_gone_on_from() -> None:
    async with vending(QUICK, PROFILE) as (gateway, vendor):
        vendor.states = [done(vendor)]
        job = (await create(gateway)).json()["id"]
        await until(gateway, job, "completed")
        got = await gateway.client.post(f"/v1/videos/{job}/extend", json={"prompt": "and on", "seconds": "5"})
        assert (got.status_code, got.json()["error"]["param"]) == (400, "video"), got.text


async def test_what_does_not_fit_here_is_made_there() -> None:
    there = {"large": video_profile("large", tasks="[video]", size=10**15, extra=offering(PRICE))}
    async with vending(QUICK, there) as (gateway, vendor):
        vendor.states = [done(vendor)]
        job = (await create(gateway, model="large", seconds="2")).json()["id"]
        told = (await until(gateway, job, "completed"))["forebay"]
        assert (told["where"], told["backend"]) == ("cloud", "far")
        assert (await create(gateway, {"x-forebay-local-only": "1"}, model="large")).status_code == 503
        assert (await create(gateway, model="local/large")).status_code == 503
        pinned = (await create(gateway, model="cloud/large")).json()
        assert pinned["model"] == "cloud/large"
        assert (await until(gateway, pinned["id"], "completed"))["forebay"]["where"] == "cloud"
        assert len(vendor.creates) == 2


async def test_a_cancelled_one_that_began_with_a_picture_is_cancelled_there_too() -> None:
    async with vending(QUICK, PROFILE) as (gateway, vendor):
        vendor.states = [RUNNING]
        given = {"input_reference": ("a.png", picture(320, 180), "image/png")}
        created = await gateway.client.post("/v1/videos", data=ASKED, files=given)
        assert created.status_code == 200, created.text
        await gateway.until(lambda: len(vendor.looks) > 1)
        assert vendor.creates[0].path == "/v1/animations"
        await gateway.client.delete(f"/v1/videos/{created.json()['id']}")
        await gateway.until(lambda: [sent.path for sent in vendor.cancels] == ["/v1/tasks/t1"])
