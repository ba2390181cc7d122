"""Pictures for the cases, and how close two are. No cases."""

from collections.abc import Iterator

import numpy as np
from PIL import Image


def frame(number: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Smooth, with a different colour for each number: what a codec keeps well, and nobody confuses."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = x * 200 // max(1, width - 1), y * 200 // max(1, height - 1)
    blue = np.full_like(x, number * 37 % 251)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def clip(count: int, width: int = 96, height: int = 64) -> Iterator[np.ndarray]:
    return (frame(number, width, height) for number in range(count))


def apart(one: object, other: object) -> float:
    """The mean difference of two pictures of one size, of 255."""
    first, second = (np.asarray(each, dtype=np.int16) for each in (one, other))
    assert first.shape == second.shape, (first.shape, second.shape)
    return float(np.abs(first - second).mean())


def opened(path: object) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
    return picture


def refused(call, *arguments: object, **named: object) -> str:
    """What the ``ValueError`` of that call says."""
    try:
        call(*arguments, **named)
    except ValueError as error:
        return str(error)
    raise AssertionError("nothing was refused")
