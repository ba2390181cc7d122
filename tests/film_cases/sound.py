"""The movie's sound, read back with PyAV itself."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from backends.diffusers.worker.film.movie import write_movie
from backends.diffusers.worker.film.reading import sound_in
from backends.diffusers.worker.film.sound import Sound, joined
from tests.film_cases.pictures import clip, refused


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def heard(path: Path) -> tuple[np.ndarray, int, float]:
    """What it sounds like (channels, samples), its rate, and how long the file says that it is."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        said = float(stream.duration * stream.time_base)
        return np.concatenate([part.to_ndarray() for part in container.decode(stream)], axis=1), stream.rate, said


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def pitch(samples: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def case_stereo_is_as_long_as_the_pictures(folder: Path) -> None:
    both = np.stack([tone(2, 24000, 440), tone(2, 24000, 1000)])
    made = write_movie(folder / "a.mp4", clip(32), 16, Sound(samples=both, rate=24000))
    assert made.sound
    samples, rate, said = heard(folder / "a.mp4")
    assert (rate, len(samples)) == (24000, 2)
    assert abs(said - 2.0) < 0.002
    assert abs(samples.shape[1] / rate - 2.0) < 2048 / rate
    assert abs(pitch(samples[0], rate) - 440) < 2
    assert abs(pitch(samples[1], rate) - 1000) < 2
    assert abs(loudness(samples[0]) - loudness(both[0])) < 0.02


def case_one_channel_of_a_plain_array(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(16), 16, Sound(samples=tone(1, 48000), rate=48000))
    samples, rate, _ = heard(folder / "a.mp4")
    assert (rate, len(samples)) == (48000, 1)


def case_longer_sound_is_cut(folder: Path) -> None:
    ntsc = Fraction(30000, 1001)
    write_movie(folder / "a.mp4", clip(49), ntsc, Sound(samples=tone(9, 16000), rate=16000))
    assert abs(heard(folder / "a.mp4")[2] - 49 / ntsc) < 0.002


def case_after_shorter_sound_it_is_silent(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(32), 16, Sound(samples=tone(1, 24000), rate=24000))
    samples, rate, said = heard(folder / "a.mp4")
    assert abs(said - 2.0) < 0.002
    assert loudness(samples[0, : rate // 2]) > 0.3
    assert loudness(samples[0, rate + rate // 4 : 2 * rate]) < 0.001


def case_no_sample_at_all_is_silence(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(16), 16, Sound(samples=np.zeros((2, 0)), rate=24000))
    samples, _, said = heard(folder / "a.mp4")
    assert abs(said - 1.0) < 0.002
    assert np.abs(samples).max() < 0.001


def case_other_rates_are_resampled(folder: Path) -> None:
    for rate in (10_000, 96_000):
        write_movie(folder / "a.mp4", clip(32), 16, Sound(samples=tone(2, rate), rate=rate))
        samples, heard_rate, said = heard(folder / "a.mp4")
        assert heard_rate == 48000
        assert abs(said - 2.0) < 0.002
        assert abs(pitch(samples[0], heard_rate) - 440) < 2


def case_too_loud_is_clipped_and_no_numbers_are_silent(folder: Path) -> None:
    wild = tone(1, 24000) * 40
    wild[:12000] = np.nan
    wild[12000:12010] = np.inf
    write_movie(folder / "a.mp4", clip(16), 16, Sound(samples=wild, rate=24000))
    samples = heard(folder / "a.mp4")[0]
    assert np.isfinite(samples).all()
    assert loudness(samples[0, :10000]) < 0.01
    # A clipped sine is nearly a square: its loudness is nearly its height, which is 1.
    assert 0.9 < loudness(samples[0, 14000:23000]) < 1.05


def case_a_tensor_of_bfloat16(folder: Path) -> None:
    import torch

    samples = torch.from_numpy(tone(1, 24000)).to(torch.bfloat16)[None].requires_grad_()
    for given in (samples, samples[None]):
        write_movie(folder / "a.mp4", clip(16), 16, Sound(samples=given, rate=24000))
        shown, _, _ = heard(folder / "a.mp4")
        assert len(shown) == 1
        assert loudness(shown) > 0.3


def case_long_sound_goes_along_with_its_pictures(folder: Path) -> None:
    """Interleaved: a player at second 5 needs no other place of the file for what is heard there."""
    write_movie(folder / "a.mp4", clip(80), 8, Sound(samples=tone(10, 24000), rate=24000))
    ahead = 0.0
    with av.open(str(folder / "a.mp4")) as container:
        at = {"video": 0.0, "audio": 0.0}
        for packet in sorted((p for p in container.demux() if p.size), key=lambda p: p.pos):
            at[packet.stream.type] = float(packet.dts * packet.time_base)
            ahead = max(ahead, abs(at["video"] - at["audio"]))
    assert ahead < 2.0


def case_what_cannot_be_is_refused(folder: Path) -> None:
    path = folder / "a.mp4"
    assert "one channel or two, not 6" in refused(
        write_movie, path, clip(2), 8, Sound(samples=np.zeros((6, 9)), rate=24000)
    )
    assert "(channels, samples)" in refused(
        write_movie, path, clip(2), 8, Sound(samples=np.zeros((2, 2, 9)), rate=24000)
    )
    assert "not a sample rate" in refused(write_movie, path, clip(2), 8, Sound(samples=np.zeros((1, 9)), rate=0))
    assert list(folder.iterdir()) == []


def case_the_sound_of_two_clips_follows_one_another(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(32), 16, Sound(samples=tone(2, 24000, 440), rate=24000))
    before = sound_in(folder / "a.mp4")
    assert before is not None
    both = joined(before, Sound(samples=tone(1, 24000, 1000), rate=24000), 32, 16)
    assert both is not None
    samples = both.samples
    # The new part begins with the picture that the old one ends with: that picture's time is cut off.
    assert samples.shape == (1, 2 * 24000 + 24000 - 1500)
    assert abs(pitch(samples[0, 6000:42000], 24000) - 440) < 5
    assert abs(pitch(samples[0, 50000:68000], 24000) - 1000) < 5


def case_where_one_clip_is_silent_it_is_silent_there(folder: Path) -> None:
    heard_first = joined(Sound(samples=tone(1, 24000), rate=24000), None, 16, 16)
    assert heard_first is not None
    assert heard_first.samples.shape == (1, 24000)
    heard_last = joined(None, Sound(samples=np.stack([tone(1, 24000)] * 2), rate=24000), 16, 16)
    assert heard_last is not None
    assert heard_last.samples.shape == (2, 24000 + 24000 - 1500)
    assert loudness(heard_last.samples[:, :24000]) == 0.0
    assert loudness(heard_last.samples[:, 24000:]) > 0.1
    assert joined(None, None, 16, 16) is None


def case_sounds_of_two_rates_have_the_later_one(folder: Path) -> None:
    both = joined(Sound(samples=tone(1, 48000), rate=48000), Sound(samples=tone(1, 24000), rate=24000), 16, 16)
    assert both is not None
    assert both.rate == 24000
    assert abs(pitch(both.samples[0, :24000], 24000) - 440) < 5


def case_a_silent_movie_has_no_sound(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(8), 16)
    assert sound_in(folder / "a.mp4") is None
