"""The clip that a fresh machine makes, through the whole gateway: one emoji becomes another, and it can be seen."""

import io
import itertools
from collections.abc import AsyncIterator

import pytest
from PIL import Image, ImageChops, ImageStat

from backends.environments.environments import Environments
from tests.diffusers_fixtures import python
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.video_client import VideoClient
from tests.worker_processes import ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
PROFILE = ROOT / "model_profiles" / "video" / "emoji-clip.yaml"
PICTURE = ROOT / "model_profiles" / "image" / "emoji.yaml"


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    python()
    profiles = {"emoji-clip": PROFILE.read_text("utf-8"), "emoji": PICTURE.read_text("utf-8")}
    async with running_gateway(profiles, data_dir=Environments().root.parent) as running:
        running.client.timeout = 120
        yield running


async def cells(videos: VideoClient, prompt: str) -> list[Image.Image]:
    """The pictures of the clip's sheet, in order."""
    video = await videos.made(model="emoji-clip", prompt=prompt, seed=3, seconds=1, steps=10)
    assert (video["forebay"]["frames"], video["seconds"]) == (12, "1")
    clip = await videos.content(video)
    assert clip.content[4:8] == b"ftyp"
    assert clip.content.index(b"moov") < clip.content.index(b"mdat"), "it plays while it loads"
    sheet = Image.open(io.BytesIO((await videos.content(video, params={"variant": "spritesheet"})).content))
    side = sheet.width // 4
    return [
        sheet.crop((x * side, y * side, (x + 1) * side, (y + 1) * side)).convert("RGB")
        for y in range(sheet.height // side)
        for x in range(4)
    ]


def apart(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


async def test_one_thing_becomes_another(gateway: RunningGateway) -> None:
    shown = await cells(VideoClient(gateway.client), "a frog to an apple on a blue background")
    first, last = shown[0], shown[-1]
    assert apart(first, last) > 15
    steps = [apart(one, other) for one, other in itertools.pairwise(shown)]
    assert max(steps) < apart(first, last), "it does not jump"
    for picture in (first, last):
        red, _, blue = picture.getpixel((picture.width // 2, 4))
        assert blue > red + 40, "both are on blue"
    assert apart(shown[0], shown[1]) < 2, "it rests where it begins"


async def test_a_single_thing_appears(gateway: RunningGateway) -> None:
    shown = await cells(VideoClient(gateway.client), "a whale")
    assert apart(shown[0], shown[-1]) > 15
