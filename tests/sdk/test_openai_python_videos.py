"""The official Python SDK, unmodified, makes videos: from creation to the file.

Strict about every answer's shape where the model has sizes of OpenAI's own: it knows those four only.
"""

import json
from collections.abc import AsyncIterator
from functools import partial

import openai
import pytest

from tests.fakes.gateway import running_gateway
from tests.fakes.picture_profile import picture_file, video_profile
from tests.sdk.strict import strict_openai

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        running_gateway({"film": video_profile("film", extra="aliases: [sora-2]")}) as gateway,
        openai.AsyncOpenAI(base_url=f"{gateway.address}/v1", api_key="none", max_retries=0, timeout=60) as made,
    ):
        yield made


async def test_from_creation_to_the_file(client: openai.AsyncOpenAI) -> None:
    video = await client.videos.create_and_poll(
        model="sora-2", prompt="a cat", seconds="4", size="1280x720", poll_interval_ms=50
    )
    assert (video.status, video.progress, video.model) == ("completed", 100, "film")
    assert video.model_extra is not None
    assert video.model_extra["forebay"]["notes"][0].startswith("size ")
    for variant, role in (("video", "clip"), ("thumbnail", "thumbnail"), ("spritesheet", "sheet")):
        content = await client.videos.download_content(video.id, variant=variant)  # type: ignore[arg-type]
        assert json.loads(content.content)["role"] == role


async def test_a_picture_to_begin_with(client: openai.AsyncOpenAI) -> None:
    video = await client.videos.create_and_poll(
        prompt="it moves", input_reference=("a.png", picture_file(32, 32), "image/png"), poll_interval_ms=50,
        model="sora-2",
    )  # fmt: skip
    content = await client.videos.download_content(video.id)
    assert json.loads(content.content)["task"] == "animate"


async def test_a_clip_that_was_downloaded_is_sent_to_be_changed(client: openai.AsyncOpenAI) -> None:
    source = await client.videos.create_and_poll(model="sora-2", prompt="a cat", seconds="4", poll_interval_ms=50)
    file = ("a.mp4", (await client.videos.download_content(source.id)).content, "video/mp4")
    edited = await client.videos.edit(prompt="a fox", video=file)
    assert edited.remixed_from_video_id == source.id
    longer = await client.videos.extend(prompt="it runs", seconds="4", video=file)
    assert longer.model_extra is not None
    assert longer.model_extra["forebay"]["extends"] == source.id
    for video in (edited, longer):
        assert (await client.videos.poll(video.id, poll_interval_ms=50)).status == "completed"


async def test_a_clip_that_was_not_made_here_is_refused_in_words(client: openai.AsyncOpenAI) -> None:
    for change in (client.videos.edit, partial(client.videos.extend, seconds="4")):
        with pytest.raises(openai.NotFoundError, match="made here") as refused:
            await change(prompt="a fox", video=("a.mp4", b"movie", "video/mp4"))
        assert (refused.value.param, refused.value.code) == ("video", "video_not_found")


async def test_lists_remixes_and_removal(client: openai.AsyncOpenAI) -> None:
    source = await client.videos.create_and_poll(model="sora-2", prompt="a cat", seconds="4", poll_interval_ms=50)
    remix = await client.videos.remix(source.id, prompt="a dog")
    assert remix.remixed_from_video_id == source.id
    again = await client.videos.remix(source.id, prompt="a fox")
    ids = [video.id async for video in client.videos.list(limit=2)]
    assert ids == [again.id, remix.id, source.id]
    for video in (remix, again):
        assert (await client.videos.poll(video.id, poll_interval_ms=50)).status == "completed"
    deleted = await client.videos.delete(source.id)
    assert (deleted.id, deleted.deleted) == (source.id, True)
    with pytest.raises(openai.NotFoundError):
        await client.videos.retrieve(source.id)


async def test_refusals_name_the_field(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.videos.create(model="sora-2", prompt="a cat", seconds="0")
    assert refused.value.param == "seconds"


async def test_every_answer_has_the_shape_that_the_sdk_knows() -> None:
    large = video_profile("film").replace("most_side: 256, most_pixels: 16384", "most_side: 1792, most_pixels: 2000000")
    async with running_gateway({"film": large}) as gateway, strict_openai(gateway) as client:
        for size in ("720x1280", "1280x720", "1024x1792", "1792x1024"):
            video = await client.videos.create(model="film", prompt="a cat", size=size, seconds="8")  # type: ignore[arg-type]
            assert (video.status, video.size) == ("queued", size)
            done = await client.videos.poll(video.id, poll_interval_ms=50)
            assert (done.status, done.progress) == ("completed", 100)
            assert (await client.videos.retrieve(video.id)).to_dict() == done.to_dict()
        assert len([each async for each in client.videos.list(limit=1)]) == 4
        remix = await client.videos.remix(video.id, prompt="a dog")
        assert (await client.videos.delete(video.id)).deleted
        assert (await client.videos.poll(remix.id, poll_interval_ms=50)).remixed_from_video_id == video.id
