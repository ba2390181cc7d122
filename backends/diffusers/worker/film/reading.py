# pyright: basic, reportMissingImports=false
# PyAV, numpy and Pillow are in the engine's environment only
"""What a movie's file shows again: what it is, its sound, its pictures: all from the beginning, or the first or last.

For movies that this package wrote.
"""

from collections import deque
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from backends.diffusers.worker.film.clip import Clip
from backends.diffusers.worker.film.sound import Sound


def read_clip(path: Path) -> Clip:
    """What the file says of itself. Raises ``OSError``, and ``ValueError`` for a file that is no movie."""
    with av.open(str(path)) as container:
        stream = _pictures(container, path)
        return Clip(
            frames=stream.frames,
            fps=stream.average_rate or Fraction(1),
            width=stream.width,
            height=stream.height,
            sound=bool(container.streams.audio),
        )


def first_frame(path: Path) -> Image.Image:
    """In RGB. Raises as ``read_clip``."""
    with av.open(str(path)) as container:
        for frame in container.decode(_pictures(container, path)):
            return frame.to_image()
    raise ValueError(f"no picture in {path.name}")


def pictures_in(path: Path, most: int) -> list[Image.Image]:
    """The first ``most`` pictures, at least one, in RGB. Raises as ``read_clip``."""
    with av.open(str(path)) as container:
        frames = islice(container.decode(_pictures(container, path)), most)
        pictures = [frame.to_image() for frame in frames]
    if not pictures:
        raise ValueError(f"no picture in {path.name}")
    return pictures


def last_frame(path: Path) -> Image.Image:
    """In RGB; only what comes after the last key frame is decoded. Raises as ``read_clip``."""
    with av.open(str(path)) as container:
        stream = _pictures(container, path)
        container.seek(stream.duration or 0, stream=stream)
        for frame in deque(container.decode(stream), maxlen=1):
            return frame.to_image()
    raise ValueError(f"no picture in {path.name}")


def sound_in(path: Path) -> Sound | None:
    """All of it; ``None`` where there is none. Raises as ``read_clip``."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        parts = [frame.to_ndarray() for frame in container.decode(stream)]
        if not parts:
            return None
        return Sound(samples=np.concatenate(parts, axis=1), rate=stream.rate)


def _pictures(container: Any, path: Path) -> Any:
    if not container.streams.video:
        raise ValueError(f"no picture in {path.name}")
    return container.streams.video[0]
