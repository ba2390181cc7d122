"""Sizes of video profiles follow from parameters; those are counted here, on the classes that are loaded."""

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.diffusers_fixtures import python
from tools.published_clips import CLIP_PARAMETERS
from tools.published_images import PARAMETERS

pytestmark = [pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]

WAN = {"text_encoder": "umt5", "vae": "wan_vae"}
HUNYUAN = {"text_encoder": "llama", "text_encoder_2": "clip", "vae": "hunyuan_vae"}
COUNTED = {
    "wan-2.2": {"transformer": "wan", "transformer_2": "wan"} | WAN,
    "wan-2.2-i2v": {"transformer": "wan_i2v", "transformer_2": "wan_i2v"} | WAN,
    "wan-2.2-5b": {"transformer": "wan_middle"} | WAN | {"vae": "wan_middle_vae"},
    "wan-2.1": {"transformer": "wan"} | WAN,
    "wan-2.1-1.3b": {"transformer": "wan_small"} | WAN,
    "wan-2.1-i2v": {"transformer": "wan21_i2v", "image_encoder": "wan_eyes"} | WAN,
    "framepack": {"transformer": "framepack", "image_encoder": "framepack_eyes"} | HUNYUAN,
    "hunyuan-video": {"transformer": "hunyuan"} | HUNYUAN,
    "hunyuan-video-i2v": {"transformer": "hunyuan_i2v"} | HUNYUAN | {"text_encoder": "llava"},
    "ltx-2": {
        "transformer": "ltx2",
        "text_encoder": "gemma",
        "connectors": "ltx2_connectors",
        "vae": "ltx2_vae",
        "vocoder": "ltx2_vocoder",
        "audio_vae": "ltx2_audio_vae",
    },
    "cogvideox-5b": {"transformer": "cogvideox", "text_encoder": "t5", "vae": "cogvideox_vae"},
    "cogvideox-5b-i2v": {"transformer": "cogvideox_i2v", "text_encoder": "t5", "vae": "cogvideox_vae"},
    "mochi-1": {"transformer": "mochi", "text_encoder": "t5", "vae": "mochi_vae"},
    "allegro": {"transformer": "allegro", "text_encoder": "t5", "vae": "allegro_vae"},
    "ltx-video": {"transformer": "ltx", "text_encoder": "t5", "vae": "ltx_vae"},
    "animatediff": {"motion_adapter": "motion", "text_encoder": "clip"},
}
OF_PICTURES = {"animatediff": ("sd-1.5", ("unet", "vae"))}
"""Parts that are those of a model for pictures."""


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    home = str(tmp_path_factory.mktemp("home"))
    environment = {"PATH": os.defpath, "HOME": home, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [str(python()), "-m", "tests.conformance.counted_clips"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, int])


def test_every_video_profile_is_counted() -> None:
    assert COUNTED.keys() == CLIP_PARAMETERS.keys()


@pytest.mark.parametrize("profile", CLIP_PARAMETERS)
def test_parameters_are_what_the_classes_have(profile: str, counts: dict[str, int]) -> None:
    wanted = {part: counts[name] for part, name in COUNTED[profile].items()}
    if profile in OF_PICTURES:
        model, parts = OF_PICTURES[profile]
        wanted |= {part: PARAMETERS[model][part] for part in parts}
    assert CLIP_PARAMETERS[profile] == wanted
