"""Clips of a real worker with tiny random weights, through the whole gateway: made, gone on with, cancelled."""

from collections.abc import AsyncIterator

import pytest

from backends.environments.environments import Environments
from tests.diffusers_fixtures import python, tiny
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import encoded_picture
from tests.fakes.video_client import URL, VideoClient

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
PROFILE = """\
id: wan
name: wan
modality: video
tasks: [image_to_video]
licence: Apache-2.0
open_weights: true
picture: {{width: 32, height: 32, multiple: 16, least_side: 16, most_side: 64, steps: 3, most_steps: 1000,
  guidance: 2.0, negative_prompt: true}}
clip: {{frames: 9, every: 4, plus: 1, least_frames: 5, most_frames: 41, fps: 8}}
variants:
  - name: fp32
    engine:
      kind: diffusers
      dtype: fp32
      threads: 1
      pipelines: {{animate: WanImageToVideoPipeline}}
    weights: {{source: 'file:{folder}', folder: {{bytes: 2000000}}}}
    footprint: {{weights_bytes: 10000000, load_seconds: 5, host_bytes: 500000000}}
    start_timeout_seconds: 120
"""


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    python()
    profiles = {"wan": PROFILE.format(folder=tiny("wan_i2v"))}
    async with running_gateway(profiles, data_dir=Environments().root.parent) as running:
        running.client.timeout = 120
        yield running


async def test_from_a_picture_to_a_clip_that_goes_on(gateway: RunningGateway) -> None:
    videos = VideoClient(gateway.client)
    given = {"model": "wan", "input_reference": {"b64_json": encoded_picture(40, 20)}, "size": "32x32"}
    video = await videos.made(**given)
    clip = await videos.content(video)
    assert (clip.headers["content-type"], clip.content[4:8]) == ("video/mp4", b"ftyp")
    assert (await videos.content(video, params={"variant": "thumbnail"})).content[8:12] == b"WEBP"
    assert (await videos.content(video, params={"variant": "spritesheet"})).content[:3] == b"\xff\xd8\xff"
    longer = await gateway.client.post(f"{URL}/{video['id']}/extend", json={"prompt": "it goes on", "seconds": 1})
    done = await videos.ended(longer.json())
    assert (done["status"], done["forebay"]["frames"], done["seconds"]) == ("completed", 17, "2.12")


async def test_a_cancelled_clip_stops_and_the_next_one_is_made(gateway: RunningGateway) -> None:
    videos = VideoClient(gateway.client)
    given = {"model": "wan", "input_reference": {"b64_json": encoded_picture(32, 32)}, "size": "32x32"}
    long = await videos.created(steps=1000, **given)
    async with gateway.client.stream("GET", f"{URL}/{long['id']}/events") as stream:
        async for line in stream.aiter_lines():
            if '"video.in_progress"' in line:
                await gateway.client.delete(f"{URL}/{long['id']}")
    assert (await videos.now(long))["status"] == "cancelled"
    assert (await videos.made(**given))["status"] == "completed"
    staging = gateway.root / "state" / "results" / "staging"
    await gateway.until(lambda: not list(staging.iterdir()))
