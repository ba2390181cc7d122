# pyright: basic, reportMissingImports=false
# numpy and Pillow are in the engine's environment only
"""What pipelines return as a clip, as pictures of 8 bits: one at a time, so that the whole is never there twice.

Knows tensors by their methods and never imports torch.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image


class Frames(Sequence[np.ndarray]):
    """Each picture is made when it is asked for: (height, width, 3), RGB, uint8, contiguous."""

    def __init__(self, pictures: Any) -> None:
        self._pictures = pictures

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Frames(self._pictures[index])
        return pixels(self._pictures[index])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (pixels(picture) for picture in self._pictures)


def frames_of(clip: Any) -> Frames:
    """The pictures of what a pipeline calls ``frames``, for each kind of output.

    A list of pictures; an array (frames, height, width, 3) or a tensor (frames, 3, height, width), 0 to 1 or 8 bits;
    each of them also inside a batch of one. Raises ``ValueError`` for a batch of more, or another shape.
    """
    dimensions = getattr(clip, "ndim", None)
    if dimensions == 5 or (dimensions is None and len(clip) and _is_clip(clip[0])):
        if len(clip) != 1:
            raise ValueError(f"one clip at a time, not {len(clip)}")
        return frames_of(clip[0])
    if dimensions not in (None, 4):
        raise ValueError(f"a clip has 4 dimensions, not {dimensions}")
    return Frames(clip)


def pixels(picture: Any) -> np.ndarray:
    """One picture as (height, width, 3), RGB, uint8. What is out of range is clipped, what is no number is black.

    Raises ``ValueError``: not a picture of three channels.
    """
    if isinstance(picture, Image.Image):
        return np.asarray(picture.convert("RGB"))
    if hasattr(picture, "detach"):
        values = picture.detach().cpu()
        # numpy has no bfloat16
        picture = (values.float() if values.is_floating_point() else values).numpy()
        picture = np.moveaxis(picture, 0, -1) if picture.ndim == 3 else picture
    if picture.ndim != 3 or picture.shape[-1] != 3 or 0 in picture.shape:
        raise ValueError(f"not a picture of three channels: {tuple(picture.shape)}")
    if picture.dtype == np.uint8:
        return np.ascontiguousarray(picture)
    if not np.issubdtype(picture.dtype, np.floating):
        raise ValueError(f"neither 8 bits nor 0 to 1: {picture.dtype}")
    scaled = np.nan_to_num(picture, nan=0.0, posinf=1.0, neginf=0.0).astype(np.float32)
    return np.ascontiguousarray(np.clip(np.rint(scaled * 255.0), 0.0, 255.0).astype(np.uint8))


def _is_clip(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 3) == 4
