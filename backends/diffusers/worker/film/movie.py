# pyright: basic, reportMissingImports=false
# PyAV and numpy are in the engine's environment only
"""A clip as an MP4 that plays while it loads: H.264 in 4:2:0, AAC beside it. Never holds all of the pictures.

What a file holds does not depend on how many cores there are: the encoder's threads are a fixed number.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from backends.diffusers.worker.film.clip import Clip
from backends.diffusers.worker.film.frames import pixels
from backends.diffusers.worker.film.sound import Sound, Track
from backends.diffusers.worker.film.whole import whole

QUALITY = 90
"""Of 1 to 100. It is x264's CRF 18, where few see a difference."""

_PRESET = "medium"
_THREADS = 4
_KEY_SECONDS = 2
_BT709 = 1
"""Of ISO/IEC 23091-2 for primaries, transfer and matrix, and libav's number for the limited range."""
_TO_420 = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
_FINEST_RATE = 1001
_MOST_RATE = 240


def write_movie(
    path: Path, frames: Iterable[Any], fps: float | Fraction, sound: Sound | None = None, quality: int = QUALITY
) -> Clip:
    """Writes ``frames``, each as ``frames.pixels`` takes it, at a constant rate; they are taken one at a time.

    An odd width or height is made even by repeating the last column or row: nothing of a picture is lost. The movie
    is as long as its pictures: of longer sound the rest is cut, after shorter sound it is silent.

    Raises ``ValueError``: no frames, frames of different sizes, or what else cannot be; ``OSError``: it could not be
    written. The file has its name only when it is whole.
    """
    rate = _rate(fps)
    pictures = (pixels(frame) for frame in frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError("a clip has at least one frame")
    # By its name, never a buffer: to put the index first, the file is read again when all is in it.
    options = {"movflags": "+faststart"}
    with whole(path) as partial, av.open(str(partial), "w", format="mp4", options=options) as container:
        encoder = _Encoder(container, first.shape, rate, _crf(quality))
        track = None if sound is None else Track(container, sound)
        for picture in chain((first,), pictures):
            container.mux(encoder.add(picture))
            if track is not None:
                container.mux(list(track.until(encoder.count / rate)))
        container.mux(encoder.rest())
        if track is not None:
            container.mux(list(track.rest()))
    return Clip(frames=encoder.count, fps=rate, width=encoder.width, height=encoder.height, sound=track is not None)


class _Encoder:
    """The pictures' stream in an open container."""

    def __init__(self, container: Any, shape: tuple[int, ...], rate: Fraction, crf: float) -> None:
        self.count = 0
        self._shape = shape
        self.height, self.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
        self._stream = container.add_stream("libx264", rate=rate, options={"preset": _PRESET, "crf": f"{crf:g}"})
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
        codec = self._stream.codec_context
        codec.thread_count = _THREADS
        codec.gop_size = max(1, round(_KEY_SECONDS * rate))
        codec.color_primaries = codec.color_trc = codec.colorspace = codec.color_range = _BT709
        self._reformatter = VideoReformatter()

    def add(self, picture: np.ndarray) -> list[Any]:
        """Packets that are ready. Raises ``ValueError``: not the size of the first picture."""
        if picture.shape != self._shape:
            raise ValueError(f"frame {self.count} is {_size(picture.shape)}, the first is {_size(self._shape)}")
        odd = (self.height - picture.shape[0], self.width - picture.shape[1])
        if any(odd):
            picture = np.pad(picture, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
        frame = self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(picture, "rgb24"),
            format="yuv420p",
            src_color_range="JPEG",
            dst_color_range="MPEG",
            dst_colorspace="ITU709",
            interpolation=_TO_420,
            threads=1,
        )
        frame.pts = self.count
        self.count += 1
        return self._stream.encode(frame)

    def rest(self) -> list[Any]:
        """The packets that the encoder still holds."""
        return self._stream.encode()


def _rate(fps: float | Fraction) -> Fraction:
    """Of a float the nearest simple fraction: 29.97 is 2997/100, and 30000/1001 is what it is."""
    rate = Fraction(fps).limit_denominator(_FINEST_RATE) if math.isfinite(fps) else Fraction(0)
    if not 0 < rate <= _MOST_RATE:
        raise ValueError(f"not a frame rate: {fps}")
    return rate


def _crf(quality: int) -> float:
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is from 1 to 100, not {quality}")
    return 18 + (QUALITY - quality) * 0.3


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
