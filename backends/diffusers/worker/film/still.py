# pyright: basic, reportMissingImports=false
# Pillow is in the engine's environment only
"""A clip's thumbnail. Decides which picture stands for the clip; never looks at another."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from backends.diffusers.worker.film.frames import pixels
from backends.diffusers.worker.film.whole import write_whole

_WIDEST = 512
_QUALITY = 80
_METHOD = 4


def write_still(path: Path, frames: Sequence[Any]) -> tuple[int, int]:
    """A WebP of the picture in the middle (of two, the first), at most 512 pixels wide; its width and height.

    The middle, since clips often begin with a picture that was given, or still and dark.

    Raises ``ValueError``: no frames; ``OSError``: it could not be written.
    """
    if not len(frames):
        raise ValueError("a clip has at least one frame")
    picture = Image.fromarray(pixels(frames[(len(frames) - 1) // 2]))
    if picture.width > _WIDEST:
        height = max(1, round(picture.height * _WIDEST / picture.width))
        picture = picture.resize((_WIDEST, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=_METHOD)
    write_whole(path, buffer.getvalue())
    return picture.size
