# pyright: basic, reportMissingImports=false
# PyAV and Pillow are in the engine's environment only
"""A movie's pictures as a sequence that keeps one of them: a clip of two minutes would fill gigabytes.

Cheap in order. Whoever goes back begins at the first one again.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import av
from PIL import Image

from backends.diffusers.worker.film.reading import read_clip


class Played(Sequence[Image.Image]):
    """Of a movie that this package wrote, in RGB. Raises as ``read_clip``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clip = read_clip(path)
        self._frames: Iterator[Any] = iter(())
        self._next = len(self)
        self._shown: tuple[int, Image.Image] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of each."""
        return self._clip.width, self._clip.height

    def __len__(self) -> int:
        return self._clip.frames

    def __getitem__(self, index: Any) -> Any:
        places = range(len(self))[index]
        return [self._at(each) for each in places] if isinstance(places, range) else self._at(places)

    def _at(self, place: int) -> Image.Image:
        if self._shown is None or self._shown[0] != place:
            if place < self._next:
                self._frames, self._next = self._decoded(), 0
            frame = next(islice(self._frames, place - self._next, None), None)
            if frame is None:
                raise ValueError(f"{self._path.name} ends before its picture {place}")
            self._next = place + 1
            self._shown = (place, frame.to_image())
        return self._shown[1]

    def _decoded(self) -> Iterator[Any]:
        with av.open(str(self._path)) as container:
            yield from container.decode(video=0)
