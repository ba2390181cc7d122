# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# numpy and Pillow are in the engine's environment only
"""From what a pipeline made to what a clip shows: scaled where the model works at another size, and behind the clip
that it goes on from. Pictures are made when they are asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from PIL import Image

from backends.diffusers.worker.film.frames import frames_of, pixels
from backends.diffusers.worker.film.reading import sound_in
from backends.diffusers.worker.film.sound import Sound, joined
from backends.diffusers.worker.pipeline.arguments import Arguments
from backends.diffusers.worker.pipeline.pictures import scaled
from backends.wire.media_job import MediaJob

Fit = Callable[[Image.Image, int, int], Image.Image]


class Shown(Struct, frozen=True, kw_only=True):
    """A clip as it will be written."""

    frames: Sequence[Any]
    sound: Sound | None


def shown_of(pipe: Any, made: Any, job: MediaJob, arguments: Arguments, fit: Fit | None) -> Shown:
    """``made`` is a pipeline's output; ``fit`` brings its pictures to the job's size, where they have another."""
    frames: Sequence[Any] = frames_of(made.frames)
    if fit is not None:
        frames = Each(frames, lambda picture: fit(Image.fromarray(pixels(picture)), job.width, job.height))
    sound = _sound(pipe, made) if job.sound else None
    before = arguments.before
    if before is not None and job.clip is not None:
        # The new part begins with the picture that the old one ends with: it is shown once.
        new = Each(frames, lambda picture: scaled(Image.fromarray(pixels(picture)), *before.size))
        sound = joined(sound_in(Path(job.clip.path)), sound, len(before), job.fps) if job.sound else None
        frames = Chained(before, new[1:])
    return Shown(frames=frames, sound=sound)


class Each(Sequence[Any]):
    """What ``change`` makes of each of ``pictures``, when it is asked for."""

    def __init__(self, pictures: Sequence[Any], change: Callable[[Any], Any]) -> None:
        self._pictures = pictures
        self._change = change

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Each(self._pictures[index], self._change)
        return self._change(self._pictures[index])

    def __iter__(self) -> Iterator[Any]:
        return (self._change(picture) for picture in self._pictures)


class Chained(Sequence[Any]):
    """One after the other."""

    def __init__(self, first: Sequence[Any], second: Sequence[Any]) -> None:
        self._first = first
        self._second = second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        return self._first[index] if index < len(self._first) else self._second[index - len(self._first)]


def _sound(pipe: Any, made: Any) -> Sound | None:
    samples = getattr(made, "audio", None)
    if samples is None:
        return None
    return Sound(samples=samples, rate=int(pipe.vocoder.config.output_sampling_rate))
