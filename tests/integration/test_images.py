"""Pictures through the whole gateway, from a worker that paints one colour a seed."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import picture_profile
from tests.fakes.picture_worker import colour

URL = "/v1/images/generations"


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway({"paint": picture_profile("paint")}) as running:
        yield running


def wanted(**fields: object) -> dict[str, object]:
    return {"model": "paint", "prompt": "a cat"} | fields


def picture(encoded: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def events(answer: httpx.Response) -> list[dict[str, object]]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]


def error(answer: httpx.Response) -> dict[str, object]:
    return answer.json()["error"]


async def test_pictures_of_the_asked_size_and_seeds(gateway: RunningGateway) -> None:
    answer = await gateway.client.post(URL, json=wanted(n=2, seed=7, size="64x48", output_format="webp"))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["size"], body["output_format"], body["quality"]) == ("64x48", "webp", "medium")
    assert body["forebay"]["seeds"] == [7, 8]
    for item, seed in zip(body["data"], (7, 8), strict=True):
        found = picture(item["b64_json"])
        assert (found.format, found.size, item["seed"]) == ("WEBP", (64, 48), seed)
    png = await gateway.client.post(URL, json=wanted(seed=[9]))
    assert picture(png.json()["data"][0]["b64_json"]).getpixel((0, 0)) == colour(9)
    assert png.headers["x-forebay-model"] == "paint"
    assert png.headers["x-forebay-where"] == "local"


async def test_a_size_is_snapped_and_the_answer_says_so(gateway: RunningGateway) -> None:
    body = (await gateway.client.post(URL, json=wanted(size="1000x500"))).json()
    assert body["size"] == body["forebay"]["size"] == "184x88"
    assert body["forebay"]["requested_size"] == "1000x500"
    body = (await gateway.client.post(URL, json=wanted())).json()
    assert (body["size"], body["forebay"]["requested_size"]) == ("64x32", None)


async def test_without_a_seed_one_is_drawn_and_told(gateway: RunningGateway) -> None:
    first = (await gateway.client.post(URL, json=wanted())).json()
    (seed,) = first["forebay"]["seeds"]
    again = (await gateway.client.post(URL, json=wanted(seed=seed))).json()
    assert again["data"] == first["data"]


async def test_without_a_model_the_best_that_is_here(gateway: RunningGateway) -> None:
    answer = await gateway.client.post("/v1/images", json={"prompt": "a cat"})
    assert answer.json()["forebay"]["model"] == "paint"


async def test_a_stream_tells_of_steps_previews_and_pictures(gateway: RunningGateway) -> None:
    answer = await gateway.client.post(URL, json=wanted(n=2, seed=1, stream=True, partial_images=2))
    assert answer.headers["content-type"].startswith("text/event-stream")
    said = events(answer)
    kinds = [str(each["type"]).removeprefix("image_generation.") for each in said]
    assert kinds.count("progress") == 8
    assert kinds.count("partial_image") == 4
    assert kinds.count("completed") == 2
    assert kinds[-1] == "completed"
    percents = [each["percent"] for each in said if str(each["type"]).endswith("progress")]
    assert percents == sorted(percents)  # type: ignore[type-var]
    finished = [each for each in said if str(each["type"]).endswith("completed")]
    assert [(each["index"], each["seed"]) for each in finished] == [(0, 1), (1, 2)]
    assert picture(str(finished[1]["b64_json"])).getpixel((0, 0)) == colour(2)
    assert "usage" in finished[0]


async def test_who_waits_is_told_where(gateway: RunningGateway, tmp_path: Path) -> None:
    settings = gateway.services.settings
    assert settings.keepalive_after <= 1.0
    first = asyncio.ensure_future(gateway.client.post(URL, json=wanted(prompt=f"hold {tmp_path}")))
    await gateway.until(lambda: (tmp_path / "held").exists())
    second = asyncio.ensure_future(gateway.client.post(URL, json=wanted(stream=True)))
    await gateway.until(lambda: len(list(gateway.services.runtime.scheduler.queue)) == 1)
    async with gateway.client.stream("POST", URL, json=wanted(stream=True)) as third:
        lines = (line async for line in third.aiter_lines() if line.startswith("data: "))
        said = json.loads((await anext(lines)).removeprefix("data: "))
        assert said["type"] == "image_generation.queued"
        assert said["position"] == 1
        assert said["wait_seconds"] >= 0
        (tmp_path / "go").touch()
        rest = [json.loads(line.removeprefix("data: ")) async for line in lines]
    assert rest[-1]["type"] == "image_generation.completed"
    assert (await first).status_code == (await second).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"n": 1000}, "n"),
        ({"n": 0}, "n"),
        ({"n": -1}, "n"),
        ({"n": 5}, "n"),
        ({"size": "-1x4"}, "size"),
        ({"size": "0x0"}, "size"),
        ({"size": "big"}, "size"),
        ({"size": "99999x99999"}, "size"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"steps": 0}, "steps"),
        ({"steps": 101}, "steps"),
        ({"loras": [{"name": "unknown"}]}, "loras[0].name"),
        ({"output_format": "gif"}, "output_format"),
        ({"output_compression": 50}, "output_compression"),
        ({"background": "transparent"}, "background"),
        ({"partial_images": 9, "stream": True}, "partial_images"),
        ({"seed": [1, 2]}, "seed"),
        ({"seed": -1}, "seed"),
        ({"guidance_scale": -1}, "guidance_scale"),
        ({"stream": True, "response_format": "url"}, "response_format"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(gateway: RunningGateway, wrong: dict[str, object], param: str) -> None:
    answer = await gateway.client.post(URL, json=wanted(**wrong))
    assert (answer.status_code, error(answer)["param"]) == (400, param), answer.text
    assert not gateway.services.runtime.running, "nothing was loaded for it"


async def test_a_job_that_fails_says_why_and_the_next_succeeds(gateway: RunningGateway) -> None:
    answer = await gateway.client.post(URL, json=wanted(prompt="refuse"))
    assert (answer.status_code, error(answer)["code"]) == (400, "content_refused"), answer.text
    answer = await gateway.client.post(URL, json=wanted(prompt="oom"))
    assert answer.status_code == 503, answer.text
    assert "CUDA" not in answer.text
    said = events(await gateway.client.post(URL, json=wanted(prompt="oom", stream=True)))
    assert said == [] or said[-1]["error"]
    assert (await gateway.client.post(URL, json=wanted())).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_worker_that_dies_in_the_middle_is_a_clean_error_and_the_next_is_served(
    gateway: RunningGateway, stream: bool
) -> None:
    assert (await gateway.client.post(URL, json=wanted())).status_code == 200
    async with asyncio.timeout(20):
        answer = await gateway.client.post(URL, json=wanted(prompt="die", stream=stream))
    if answer.status_code == 200:
        assert "error" in events(answer)[-1], "an event once the stream has begun"
    else:
        assert (answer.status_code, error(answer)["code"]) == (502, "stream_broken")
    assert (await gateway.client.post(URL, json=wanted())).status_code == 200


async def test_who_hangs_up_frees_the_worker(gateway: RunningGateway, tmp_path: Path) -> None:
    held = asyncio.ensure_future(gateway.client.post(URL, json=wanted(prompt=f"hold {tmp_path}")))
    await gateway.until(lambda: (tmp_path / "held").exists())
    held.cancel()
    assert (await gateway.client.post(URL, json=wanted())).status_code == 200
    await gateway.until(lambda: gateway.in_flight() == 0)


async def test_a_chat_model_makes_no_pictures_and_the_other_way_round(gateway: RunningGateway) -> None:
    answer = await gateway.client.post(
        "/v1/chat/completions", json={"model": "paint", "messages": [{"role": "user", "content": "hi"}]}
    )
    assert (answer.status_code, error(answer)["param"]) == (400, "model")


async def test_links_open_without_a_key_and_only_whole(gateway: RunningGateway) -> None:
    answer = await gateway.client.post(URL, json=wanted(seed=3, n=2, response_format="url"))
    assert answer.status_code == 200, answer.text
    links = [item["url"] for item in answer.json()["data"]]
    assert all(link.startswith(f"{gateway.address}/v1/media/") for link in links)
    assert all("b64_json" not in item for item in answer.json()["data"])
    found = await gateway.client.get(links[0])
    assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(found.content)).getpixel((0, 0)) == colour(3)
    for wrong in (links[0][:-1], links[0].replace("expires=", "expires=1"), links[0].partition("?")[0]):
        refused = await gateway.client.get(wrong)
        assert (refused.status_code, error(refused)["code"]) == (404, "media_not_found")


async def test_what_a_picture_cost_is_known_of_the_next(gateway: RunningGateway) -> None:
    paces = gateway.services.experience.paces
    assert paces.seconds("paint:only", 1) is None
    assert (await gateway.client.post(URL, json=wanted())).status_code == 200
    assert paces.seconds("paint:only", 1) is not None
