"""A profile served by the fake picture worker, as the gateway would start any program that speaks the protocol."""

import base64
import io
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
_MODULE = 'runpy.run_module("tests.fakes.picture_worker", run_name="__main__")'
_RUN = f'import runpy, sys; sys.path.insert(0, "{ROOT}"); {_MODULE}'
_PROFILE = """\
id: {id}
name: {id}
modality: image
tasks: [image, image_edit, image_variation, inpaint]
licence: Apache-2.0
open_weights: true
picture: {{width: 64, height: 32, multiple: 8, least_side: 16, most_side: 256, most_pixels: 16384, steps: {steps},
  guidance: 4.0, negative_prompt: true, most_images: 16}}
limits: {{n: 4}}
{extra}
variants:
  - name: only
    engine:
      kind: external
      command: ['{python}', '-c', '{run}', '{{socket}}']
    footprint: {{weights_bytes: {size}, load_seconds: 1}}
    start_timeout_seconds: 30
    stop_grace_seconds: 2
"""


def picture_profile(name: str, *, steps: int = 4, extra: str = "", size: int = 1_000_000) -> str:
    """YAML of a model that paints one colour a seed."""
    return _PROFILE.format(id=name, steps=steps, extra=extra, python=sys.executable, run=_RUN, size=size)


_VIDEO = """\
id: {id}
name: {id}
modality: video
tasks: {tasks}
licence: Apache-2.0
open_weights: true
picture: {{width: 64, height: 32, multiple: 8, least_side: 16, most_side: 256, most_pixels: 16384, steps: {steps},
  guidance: 4.0, negative_prompt: true}}
clip: {{frames: 9, every: 4, plus: 1, least_frames: 5, most_frames: 81, fps: 8, last_frame: true, sound: true}}
{extra}
variants:
  - name: only
    engine:
      kind: external
      command: ['{python}', '-c', '{run}', '{{socket}}']
    footprint: {{weights_bytes: {size}, load_seconds: 1}}
    start_timeout_seconds: 30
    stop_grace_seconds: 2
"""


def video_profile(
    name: str,
    *,
    tasks: str = "[video, image_to_video, video_to_video]",
    steps: int = 4,
    extra: str = "",
    size: int = 1_000_000,
) -> str:
    """YAML of a model whose clips say what they were asked for."""
    return _VIDEO.format(id=name, tasks=tasks, steps=steps, extra=extra, python=sys.executable, run=_RUN, size=size)


def picture_file(width: int, height: int, form: str = "PNG") -> bytes:
    """A picture with a gradient, so that it is not all of one colour."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(buffer, form)
    return buffer.getvalue()


def encoded_picture(width: int, height: int) -> str:
    """The same in base64."""
    return base64.b64encode(picture_file(width, height)).decode()


_TINY = """\
id: {id}
name: {id}
modality: image
tasks: [image, image_variation, inpaint]
licence: Apache-2.0
open_weights: true
picture: {{width: 64, height: 64, multiple: 8, least_side: 16, most_side: 512, most_pixels: 262144, steps: {steps},
  guidance: 5.0, negative_prompt: true, most_steps: 1000}}
variants:
  - name: fp32
    engine:
      kind: diffusers
      dtype: fp32
      threads: 1
      pipelines:
        generate: StableDiffusionPipeline
        vary: StableDiffusionImg2ImgPipeline
        inpaint: StableDiffusionInpaintPipeline
    weights: {{source: 'file:{folder}', folder: {{bytes: 2000000}}}}
    footprint: {{weights_bytes: 10000000, load_seconds: 5, host_bytes: 500000000}}
"""


def tiny_profile(name: str, folder: Path, *, steps: int = 4) -> str:
    """YAML of a Stable Diffusion with random weights in ``folder``, for the real worker."""
    return _TINY.format(id=name, folder=folder, steps=steps)
