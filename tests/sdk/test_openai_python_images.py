"""The official Python SDK, unmodified, makes pictures: whole and as a stream, with what it validates strictly."""

import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types import ImageEditStreamEvent, ImageGenStreamEvent
from PIL import Image
from pydantic import TypeAdapter

from tests.fakes.gateway import running_gateway
from tests.fakes.picture_profile import picture_file, picture_profile
from tests.fakes.picture_worker import colour
from tests.sdk.strict import strict_openai

FILE = ("a.png", picture_file(64, 48), "image/png")


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with running_gateway({"paint": picture_profile("paint")}) as gateway:
        yield f"{gateway.address}/v1"


@pytest.fixture
async def client(address: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=address, api_key="none", max_retries=0, timeout=60, _strict_response_validation=True
    ) as made:
        yield made


def pixel(encoded: str | None) -> object:
    assert encoded
    return Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB").getpixel((0, 0))


async def test_generate(client: openai.AsyncOpenAI) -> None:
    answer = await client.images.generate(
        model="paint", prompt="a cat", n=2, size="1024x1024", quality="high", extra_body={"seed": 3}
    )
    assert answer.data is not None
    assert [pixel(each.b64_json) for each in answer.data] == [colour(3), colour(4)]
    assert answer.size == "128x128"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0
    assert answer.model_extra is not None
    assert answer.model_extra["forebay"]["seeds"] == [3, 4]


async def test_stream(address: str) -> None:
    kinds: list[str] = []
    pixels: list[object] = []
    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0, timeout=60) as client:
        stream = await client.images.generate(
            model="paint", prompt="a cat", stream=True, partial_images=2, extra_body={"seed": 5}
        )
        async for event in stream:
            kinds.append(event.type)
            if event.type in ("image_generation.partial_image", "image_generation.completed"):
                pixels.append(pixel(event.b64_json))
    assert kinds[-1] == "image_generation.completed"
    assert kinds.count("image_generation.partial_image") == 2
    assert pixels == [colour(5)] * 3


async def test_errors_have_the_sdks_own_classes(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.images.generate(model="paint", prompt="a cat", n=100)
    assert caught.value.param == "n"
    with pytest.raises(openai.NotFoundError):
        await client.images.generate(model="nobody", prompt="a cat")
    with pytest.raises(openai.BadRequestError) as refused:
        await client.images.generate(model="paint", prompt="refuse")
    assert refused.value.code == "content_refused"


async def test_edit_and_variation(client: openai.AsyncOpenAI) -> None:
    files = [("a.png", picture_file(64, 48), "image/png"), ("b.png", picture_file(8, 8), "image/png")]
    answer = await client.images.edit(model="paint", image=files, prompt="a hat", n=2, extra_body={"seed": 9})
    assert answer.data is not None
    assert [pixel(each.b64_json) for each in answer.data] == [colour(9), colour(10)]
    assert answer.size == "64x48"
    varied = await client.images.create_variation(model="paint", image=("a.png", picture_file(32, 32)))
    assert varied.data is not None
    assert len(varied.data) == 1


async def test_an_edit_that_streams(address: str) -> None:
    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0, timeout=60) as client:
        stream = await client.images.edit(
            model="paint", image=("a.png", picture_file(64, 48)), prompt="a hat", stream=True, partial_images=1
        )
        kinds = [event.type async for event in stream]
    assert kinds[-1] == "image_edit.completed"
    assert kinds.count("image_edit.partial_image") == 1


@pytest.mark.parametrize("kind", ["image_generation", "image_edit"])
async def test_the_events_of_a_stream_that_openai_has_are_as_it_has_them(kind: str) -> None:
    """The others say what is going on, and are told apart by their names."""
    large = picture_profile("paint").replace(
        "most_side: 256, most_pixels: 16384", "most_side: 1536, most_pixels: 2000000"
    )
    async with running_gateway({"paint": large}) as gateway, strict_openai(gateway) as client:
        fields: Any = {"model": "paint", "prompt": "a cat", "stream": True, "partial_images": 2, "size": "1536x1024"}
        calls = client.images.with_streaming_response
        asked = calls.generate(**fields) if kind == "image_generation" else calls.edit(image=FILE, **fields)
        async with asked as answer:
            lines = [line async for line in answer.iter_lines()]
    known: TypeAdapter[Any] = TypeAdapter(ImageGenStreamEvent if kind == "image_generation" else ImageEditStreamEvent)
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    ours = (f"{kind}.queued", f"{kind}.progress")
    shown = [known.validate_python(event) for event in events if event["type"] not in ours]
    assert [event.type for event in shown] == [*[f"{kind}.partial_image"] * 2, f"{kind}.completed"]
    assert [event.partial_image_index for event in shown[:2]] == [0, 1]
    assert {event.size for event in shown} == {"1536x1024"}
