# pyright: basic, reportMissingImports=false
# numpy and PyAV are in the engine's environment only
"""A movie's sound as AAC, given out along with the pictures. Never longer than they are, and never shorter."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from msgspec import Struct

_LAYOUTS = {1: "mono", 2: "stereo"}
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""What AAC has and every player plays. Other rates are resampled to the last."""
_BITS_PER_CHANNEL = 96_000


class Sound(Struct, frozen=True, kw_only=True):
    """``samples``: an array or tensor (channels, samples), or (samples,) for one channel, of floats from -1 to 1;
    also inside a batch of one, as pipelines return it. ``rate``: samples a second.
    """

    samples: Any
    rate: int


def joined(before: Sound | None, after: Sound | None, frames: int, fps: float | None) -> Sound | None:
    """The sound of a clip of ``frames`` pictures, then that of what goes on from its last picture.

    Where one of them has none it is silent; ``None`` when both have none.
    """
    known = after or before
    if known is None or not fps:
        return None
    rate = known.rate
    first, second = (None if each is None else _samples(each.samples) for each in (before, after))
    if before is not None and before.rate != rate:
        first = None if first is None else _resampled(first, before.rate, rate)
    channels = max(1 if each is None else len(each) for each in (first, second))
    length = round(frames / fps * rate)
    head = np.zeros((channels, length), np.float32)
    if first is not None:
        part = first[:, :length]
        head[:, : part.shape[1]] = part  # one channel is heard on both
    tail = np.zeros((channels, 0), np.float32)
    if second is not None:
        tail = np.broadcast_to(second, (channels, second.shape[1]))[:, round(rate / fps) :]
    return Sound(samples=np.concatenate((head, tail), axis=1), rate=rate)


def _resampled(samples: np.ndarray, rate: int, to: int) -> np.ndarray:
    places = np.arange(round(samples.shape[1] * to / rate)) * (rate / to)
    return np.stack([np.interp(places, np.arange(samples.shape[1]), each) for each in samples]).astype(np.float32)


class Track:
    """The sound's stream in an open container. Raises ``ValueError`` for more than two channels, or an odd rate."""

    def __init__(self, container: Any, sound: Sound) -> None:
        self._samples = _samples(sound.samples)
        channels = len(self._samples)
        if channels not in _LAYOUTS:
            raise ValueError(f"sound has one channel or two, not {channels}")
        if sound.rate <= 0:
            raise ValueError(f"not a sample rate: {sound.rate}")
        self._rate = sound.rate
        self._layout = _LAYOUTS[channels]
        self._given = 0
        self._stream = container.add_stream("aac", rate=sound.rate if sound.rate in _RATES else _RATES[-1])
        self._stream.codec_context.layout = self._layout
        self._stream.codec_context.bit_rate = _BITS_PER_CHANNEL * channels

    def until(self, seconds: Fraction) -> Iterator[Any]:
        """Packets of what comes before that time and was not given yet. Past its end the sound is silent."""
        end = max(self._given, round(seconds * self._rate))
        part = self._samples[:, self._given : end]
        if end > self._given:
            part = np.pad(part, ((0, 0), (0, end - self._given - part.shape[1])))
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="fltp", layout=self._layout)
            frame.sample_rate = self._rate
            frame.time_base = Fraction(1, self._rate)
            frame.pts = self._given
            self._given = end
            yield from self._stream.encode(frame)

    def rest(self) -> Iterator[Any]:
        """The packets that the encoder still holds."""
        yield from self._stream.encode()


def _samples(given: Any) -> np.ndarray:
    """(channels, samples), clipped; what is no number is silent."""
    values = given.detach().cpu().float().numpy() if hasattr(given, "detach") else np.asarray(given)
    if values.ndim == 1:
        values = values[np.newaxis]
    elif values.ndim == 3 and len(values) == 1:
        values = values[0]
    if values.ndim != 2:
        raise ValueError(f"sound is (channels, samples), not {tuple(values.shape)}")
    return np.clip(np.nan_to_num(values.astype(np.float32), posinf=1.0, neginf=-1.0), -1.0, 1.0)
