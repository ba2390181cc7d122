"""Pictures of models that only a provider makes, by the same endpoints as those of this machine."""

import base64

import pytest

from tests.fakes.cloud import RESET, answer
from tests.fakes.far_vendor import link, model, offering, spent, vending
from tests.fakes.picture_profile import picture_profile
from tests.fakes.vendor import base64_of, clips, operation, picture

PRICE = "images: [{usd: 0.05}]"
ASKED = {"model": "far-picture", "prompt": "a boat"}
GENERATE = "/v1/images/generations"
PROFILE = {"far-picture": model("far-picture", "image, image_edit", PRICE)}
SYNC = operation(
    tasks=["generate", "edit"],
    requests=[
        {"needs": ["image"], "path": "/edits", "form": {"prompt": "${prompt}", "image": "${image}"}},
        {"path": "/images", "body": {"model": "${model}", "prompt": "${prompt}", "n": "${n}", "size": "${size}",
                                     "steps": "${steps}"}},
    ],
    limits={"n": 2},
)  # fmt: skip


def made(count: int = 1) -> tuple[object, ...]:
    return answer({"data": [{"b64_json": base64_of(picture())}] * count})


async def test_a_picture_is_made_told_and_paid_for() -> None:
    async with vending(SYNC, PROFILE) as (gateway, vendor):
        vendor.created = made()
        got = await gateway.client.post(GENERATE, json=ASKED | {"size": "640x368"})
        assert got.status_code == 200, got.text
        said = got.json()
        assert base64.b64decode(said["data"][0]["b64_json"]) == picture()
        told = said["forebay"]
        assert (told["where"], told["cost_usd"], told["steps"]) == ("cloud", 0.05, None)
        shown = {name: got.headers[f"x-forebay-{name}"] for name in ("model", "backend", "where", "reason", "cost-usd")}
        assert shown == {
            "model": "far-picture", "backend": "far", "where": "cloud", "reason": "asked for", "cost-usd": "0.05",
        }  # fmt: skip
        (sent,) = vendor.creates
        assert sent.fields == {"model": "far-1", "prompt": "a boat", "n": 1, "size": "640x368"}
        assert sent.headers["authorization"] == "Bearer s3cret"
        await gateway.until(lambda: spent(gateway) == [("far", 1, 50_000_000, 0)])


async def test_more_than_a_request_gives_are_several_and_all_are_paid() -> None:
    async with vending(SYNC, PROFILE) as (gateway, vendor):
        vendor.created = made(2)
        got = await gateway.client.post(GENERATE, json=ASKED | {"n": 4})
        assert (got.status_code, len(got.json()["data"]), len(vendor.creates)) == (200, 4, 2)
        await gateway.until(lambda: spent(gateway) == [("far", 1, 200_000_000, 0)])


async def test_a_stream_of_it_ends_with_the_picture() -> None:
    async with vending(SYNC, PROFILE) as (gateway, vendor):
        vendor.created = made()
        got = await gateway.client.post(GENERATE, json=ASKED | {"stream": True})
        assert '"type":"image_generation.completed"' in got.text, got.text
        await gateway.until(lambda: spent(gateway) == [("far", 1, 50_000_000, 0)])


async def test_an_edit_takes_its_picture_along() -> None:
    async with vending(SYNC, PROFILE) as (gateway, vendor):
        vendor.created = made()
        files = {"image": ("a.png", picture(64, 64), "image/png")}
        got = await gateway.client.post("/v1/images/edits", data=ASKED, files=files)
        assert got.status_code == 200, got.text
        assert picture(64, 64) in vendor.creates[0].body


async def test_work_that_is_asked_after_and_fetched() -> None:
    later = clips(
        makes="picture", tasks=["generate"], requests=[{"path": "/images", "body": {"prompt": "${prompt}"}}],
        job={"every": [0.01, 0.01]},
    )  # fmt: skip
    async with vending(later, PROFILE) as (gateway, vendor):
        there = link(vendor, "a.png", picture(), "image/png")
        vendor.states = [
            answer({"status": "RUNNING"}),
            answer({"status": "SUCCEEDED", "output": [there], "credits": 3}),
        ]
        got = await gateway.client.post(GENERATE, json=ASKED)
        assert base64.b64decode(got.json()["data"][0]["b64_json"]) == picture()
        assert got.headers["x-forebay-cost-usd"] == "0.03", "what it says itself"
        await gateway.until(lambda: spent(gateway) == [("far", 1, 30_000_000, 0)])


@pytest.mark.parametrize(
    ("said", "status", "code", "left"),
    [
        (answer({"error": "no such size"}, 400), 400, None, (0, 0)),
        (answer({"error": "SAFETY"}, 400), 400, "content_refused", (0, 0)),
        (answer({}, 429, retry_after="900"), 429, "upstream_rate_limited", (0, 0)),
        (answer({}, 500), 502, "unknown_outcome", (0, 50_000_000)),
        ((RESET,), 502, "unknown_outcome", (0, 50_000_000)),
        (answer({"data": []}), 502, "unknown_outcome", (0, 50_000_000)),
    ],
    ids=["refused", "content", "limited", "500", "reset", "nothing inside"],
)
async def test_a_failure_is_told_once_and_nothing_is_sent_twice(
    said: tuple[object, ...], status: int, code: str, left: tuple[int, int]
) -> None:
    failing = operation(failure={"refused": ["SAFETY"], "message": ["error"]})
    async with vending(failing, PROFILE) as (gateway, vendor):
        vendor.created = said
        got = await gateway.client.post(GENERATE, json=ASKED)
        assert (got.status_code, got.json()["error"]["code"]) == (status, code), got.text
        assert len(vendor.creates) == 1
        await gateway.until(lambda: [line[2:] for line in spent(gateway)] in ([left], [] if left == (0, 0) else [left]))


@pytest.mark.parametrize(
    ("shut", "headers"),
    [({"cloud": "off"}, {}), ({"cloud_budget_day": 0.04}, {}), ({}, {"x-forebay-local-only": "1"})],
    ids=["server", "budget", "request"],
)
async def test_nothing_leaves_while_a_switch_is_off(shut: dict[str, object], headers: dict[str, str]) -> None:
    async with vending(SYNC, PROFILE, **shut) as (gateway, vendor):
        got = await gateway.client.post(GENERATE, json=ASKED, headers=headers)
        assert got.status_code in (402, 403), got.text
        assert (vendor.creates, vendor.cloud.connections) == ([], 0)


async def test_what_does_not_fit_here_is_made_there_and_what_fits_stays() -> None:
    there = {
        "large": picture_profile("large", size=10**15, extra=offering(PRICE)),
        "small": picture_profile("small", extra=offering(PRICE)),
    }
    async with vending(SYNC, there) as (gateway, vendor):
        vendor.created = made()
        got = await gateway.client.post(GENERATE, json={"model": "large", "prompt": "a boat"})
        assert (got.headers["x-forebay-where"], got.headers["x-forebay-reason"]) == ("cloud", "spill:cannot_fit")
        assert "steps" not in vendor.creates[0].fields, "those of the local model are not the vendor's"
        asked = {"model": "large", "prompt": "a boat", "steps": 9}
        assert (await gateway.client.post(GENERATE, json=asked)).status_code == 200
        assert vendor.creates[1].fields["steps"] == 9
        got = await gateway.client.post(GENERATE, json={"model": "small", "prompt": "a boat"})
        assert (got.headers["x-forebay-where"], len(vendor.creates)) == ("local", 2)
        pinned = await gateway.client.post(GENERATE, json={"model": "local/large", "prompt": "a boat"})
        assert (pinned.status_code, len(vendor.creates)) == (503, 2)
