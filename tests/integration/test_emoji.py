"""The model that comes with Forebay, through the whole gateway: what it draws is what was asked for."""

import base64
import io
import json
from collections.abc import AsyncIterator

import pytest
from PIL import Image, ImageStat

from backends.environments.environments import Environments
from backends.weights.store import BUNDLED
from tests.diffusers_fixtures import python
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.worker_processes import ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
URL = "/v1/images/generations"
PROFILE = ROOT / "model_profiles" / "image" / "emoji.yaml"
MOST_BYTES = 16 * 2**20
Colour = tuple[float, ...]


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    python()
    profiles = {"emoji": PROFILE.read_text("utf-8")}
    async with running_gateway(profiles, data_dir=Environments().root.parent) as running:
        running.client.timeout = 120
        yield running


async def drawn(gateway: RunningGateway, prompt: str, **fields: object) -> Image.Image:
    answer = await gateway.client.post(URL, json={"model": "emoji", "prompt": prompt, "seed": 3} | fields)
    assert answer.status_code == 200, answer.text
    return picture(answer.json()["data"][0]["b64_json"])


def picture(encoded: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")


def edge(image: Image.Image) -> Colour:
    """What is behind the thing: the mean of a strip at the top."""
    width, height = image.size
    return tuple(ImageStat.Stat(image.crop((width // 16, height // 32, width * 15 // 16, height // 16))).mean)


def middle(image: Image.Image) -> Colour:
    width, height = image.size
    return tuple(ImageStat.Stat(image.crop((width // 3, height // 3, width * 2 // 3, height * 2 // 3))).mean)


def near(colour: Colour, wanted: Colour, tolerance: float) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(colour, wanted, strict=True))


async def test_it_draws_what_is_asked_for(gateway: RunningGateway) -> None:
    apple = await drawn(gateway, "a red apple")
    assert apple.size == (512, 512)
    assert near(edge(apple), (255, 255, 255), 30), edge(apple)
    red, green, blue = middle(apple)
    assert red > 150
    assert red > 1.8 * max(green, blue)
    for background, colour in (("blue", (66, 120, 226)), ("green", (76, 176, 88)), ("black", (24, 24, 28))):
        panda = await drawn(gateway, f"a panda on a {background} background")
        assert near(edge(panda), colour, 60), (background, edge(panda))


async def test_the_same_seed_at_any_size(gateway: RunningGateway) -> None:
    large = await drawn(gateway, "a cat", size="512x512")
    small = await drawn(gateway, "a cat", size="64x64")
    assert (large.size, small.size) == ((512, 512), (64, 64))
    wide = await drawn(gateway, "a cat", size="512x256")
    assert wide.size == (512, 256)
    assert near(edge(wide), edge(large), 30)
    again = await drawn(gateway, "a cat", size="512x512")
    assert again.tobytes() == large.tobytes()


async def test_partial_pictures_and_words_it_never_saw(gateway: RunningGateway) -> None:
    body = {"model": "emoji", "prompt": "ein Zebra im Frühling 🦓", "stream": True, "partial_images": 2}
    answer = await gateway.client.post(URL, json=body)
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    types = [json.loads(line)["type"] for line in lines]
    assert types.count("image_generation.partial_image") == 2
    assert types[-1] == "image_generation.completed"


async def test_a_picture_is_changed_where_its_mask_is_clear(gateway: RunningGateway) -> None:
    body = {"model": "emoji", "prompt": "a cat", "seed": 3}
    first = (await gateway.client.post(URL, json=body)).json()["data"][0]["b64_json"]
    mask = io.BytesIO()
    clear = Image.new("RGBA", (512, 512), (0, 0, 0, 255))
    clear.paste((0, 0, 0, 0), (0, 256, 512, 512))
    clear.save(mask, "PNG")
    asked = body | {
        "prompt": "a red apple",
        "size": "512x512",
        "images": [{"b64_json": first}],
        "mask": {"b64_json": base64.b64encode(mask.getvalue()).decode()},
    }
    answer = await gateway.client.post("/v1/images/edits", json=asked)
    assert answer.status_code == 200, answer.text
    before, after = picture(first), picture(answer.json()["data"][0]["b64_json"])
    kept = [ImageStat.Stat(image.crop((0, 0, 512, 192))).mean for image in (before, after)]
    assert near(tuple(kept[0]), tuple(kept[1]), 12)
    assert before.crop((0, 320, 512, 512)).tobytes() != after.crop((0, 320, 512, 512)).tobytes()


def test_what_is_shipped_is_small_and_says_where_it_is_from() -> None:
    folder = BUNDLED / "emoji"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md", ""}
    card = (folder / "README.md").read_text("utf-8")
    for word in ("Apache-2.0", "Noto", "tools.train_emoji", "seed"):
        assert word in card
    assert "Noto" in (folder / "NOTICE").read_text("utf-8")
