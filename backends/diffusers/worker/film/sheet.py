# pyright: basic, reportMissingImports=false
# Pillow is in the engine's environment only
"""A clip at a glance: a grid of its pictures, for a preview under a player's bar. Knows nothing of movies."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from PIL import Image

from backends.diffusers.worker.film.frames import pixels
from backends.diffusers.worker.film.whole import write_whole

_MOST_SIDE = 4
_LONGEST = 320
"""Of a cell's two sides: so the sheet is at most 1280 × 1280."""
_QUALITY = 80


class Grid(Struct, frozen=True, kw_only=True):
    """``frames``: which pictures, row by row, in cells of ``width`` × ``height``. What is left over is black."""

    columns: int
    rows: int
    width: int
    height: int
    frames: tuple[int, ...]


def grid(count: int, width: int, height: int) -> Grid:
    """For a clip of ``count`` pictures: up to 16 of them, evenly spaced, the first and the last among them."""
    shown = min(count, _MOST_SIDE**2)
    columns = math.ceil(math.sqrt(shown))
    scale = min(1.0, _LONGEST / max(width, height))
    return Grid(
        columns=columns,
        rows=math.ceil(shown / columns),
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        frames=tuple(round(cell * (count - 1) / max(1, shown - 1)) for cell in range(shown)),
    )


def write_sheet(path: Path, frames: Sequence[Any]) -> Grid:
    """A JPEG of the grid. Only the pictures in it are made, each once.

    Raises ``ValueError``: no frames; ``OSError``: it could not be written.
    """
    if not len(frames):
        raise ValueError("a clip has at least one frame")
    first = pixels(frames[0])
    cells = grid(len(frames), first.shape[1], first.shape[0])
    sheet = Image.new("RGB", (cells.columns * cells.width, cells.rows * cells.height))
    for cell, index in enumerate(cells.frames):
        picture = Image.fromarray(first if index == 0 else pixels(frames[index]))
        row, column = divmod(cell, cells.columns)
        # Twice the cell's size is enough to start from: a large frame is first shrunk by whole numbers, cheaply.
        small = picture.resize((cells.width, cells.height), Image.Resampling.LANCZOS, reducing_gap=2.0)
        sheet.paste(small, (column * cells.width, row * cells.height))
    # Never straight to the file: Pillow takes a write that the disk cut short for a whole one.
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=_QUALITY, progressive=True)
    write_whole(path, buffer.getvalue())
    return cells
