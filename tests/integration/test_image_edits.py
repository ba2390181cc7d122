"""Edits and variations through the whole gateway: forms and JSON, masks, and pictures that are none."""

import io
from collections.abc import AsyncIterator

import httpx
import pytest
from PIL import Image

from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import encoded_picture, picture_file, picture_profile

EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway({"paint": picture_profile("paint")}) as running:
        yield running
        assert not list((running.root / "state" / "uploads").iterdir()), "pictures of requests are gone with them"


def mask(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def error(answer: httpx.Response) -> dict[str, object]:
    return answer.json()["error"]


async def test_a_form_with_pictures_and_a_mask(gateway: RunningGateway) -> None:
    files = [("image[]", ("a.png", picture_file(64, 48), "image/png")) for _ in range(3)]
    answer = await gateway.client.post(EDITS, data={"model": "paint", "prompt": "a hat", "seed": "5"}, files=files)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["size"], body["forebay"]["seeds"]) == ("64x48", [5]), "the size of what it begins with"
    files = [("image", ("a.png", picture_file(64, 48))), ("mask", ("m.png", mask(64, 48)))]
    answer = await gateway.client.post(EDITS, data={"model": "paint", "prompt": "a hat", "size": "32x32"}, files=files)
    assert answer.json()["size"] == "32x32", answer.text


async def test_the_same_as_json(gateway: RunningGateway) -> None:
    url = f"data:image/png;base64,{encoded_picture(64, 48)}"
    body = {"model": "paint", "prompt": "a hat", "images": [{"image_url": url}, {"b64_json": encoded_picture(8, 8)}]}
    assert (await gateway.client.post(EDITS, json=body)).status_code == 200
    answer = await gateway.client.post(VARIATIONS, json={"model": "paint", "images": body["images"][:1], "n": 2})
    assert len(answer.json()["data"]) == 2, answer.text
    answer = await gateway.client.post(EDITS, json=body | {"stream": True})
    assert '"image_edit.completed"' in answer.text


async def test_a_variation_of_a_file(gateway: RunningGateway) -> None:
    answer = await gateway.client.post(
        VARIATIONS, data={"model": "paint"}, files={"image": picture_file(32, 32, "JPEG")}
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("files", "param"),
    [
        ([("other", b"x")], "other"),
        ([("image", b"<svg xmlns='x'/>")], "image"),
        ([("image", picture_file(64, 64, "JPEG")[:400])], "image"),
        ([("image[]", picture_file(8, 8)), ("image[]", b"no picture")], "image[1]"),
        ([("image", picture_file(64, 48)), ("mask", mask(48, 64))], "mask"),
        ([("image[]", picture_file(8, 8))] * 17, "image[16]"),
        ([("image", picture_file(8, 8)), ("mask", mask(8, 8)), ("mask", mask(8, 8))], "mask[1]"),
    ],
)
async def test_what_is_no_picture_is_refused_by_its_field(
    gateway: RunningGateway, files: list[tuple[str, bytes]], param: str
) -> None:
    named = [(name, ("a.png", content)) for name, content in files]
    answer = await gateway.client.post(EDITS, data={"model": "paint", "prompt": "a hat"}, files=named)
    assert answer.status_code == 400, answer.text
    assert error(answer)["param"] == param, answer.text
    assert not gateway.services.runtime.running


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": "a hat", "images": []}, "images"),
        ({"prompt": "a hat", "images": [{"image_url": "https://example.org/a.png"}]}, "images[0].image_url"),
        ({"prompt": "a hat", "images": [{"file_id": "file-1"}]}, "images[0].file_id"),
        ({"prompt": "a hat", "images": [{"b64_json": "!!"}]}, "images[0].b64_json"),
        ({"images": [{"b64_json": encoded_picture(8, 8)}]}, "prompt"),
    ],
)
async def test_json_that_brings_none(gateway: RunningGateway, body: dict[str, object], param: str) -> None:
    answer = await gateway.client.post(EDITS, json={"model": "paint"} | body)
    assert (answer.status_code, error(answer)["param"]) == (400, param), answer.text
