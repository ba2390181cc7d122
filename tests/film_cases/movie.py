"""The movie's file, read back with PyAV itself."""

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from backends.diffusers.worker.film.clip import Clip
from backends.diffusers.worker.film.movie import write_movie
from tests.film_cases.pictures import apart, clip, frame, refused

NEAR = 3.0


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [each.to_ndarray(format="rgb24") for each in container.decode(video=0)]


def boxes(path: Path) -> list[str]:
    """The names of the file's outermost boxes, which have to fill it."""
    raw, names, at = path.read_bytes(), [], 0
    while at < len(raw):
        size, name = struct.unpack(">I4s", raw[at : at + 8])
        names.append(name.decode())
        at += size
    assert at == len(raw)
    return names


def case_every_frame_comes_back(folder: Path) -> None:
    made = write_movie(folder / "a.mp4", clip(33), 16)
    assert made == Clip(frames=33, fps=Fraction(16), width=96, height=64, sound=False)
    shown = decoded(folder / "a.mp4")
    assert len(shown) == 33
    for number, picture in enumerate(shown):
        assert apart(picture, frame(number)) < NEAR, number
        assert apart(picture, frame(number + 1)) > NEAR, "the measure tells pictures apart"


def case_the_stream_says_what_it_is(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(32), 16)
    with av.open(str(folder / "a.mp4")) as container:
        (stream,) = container.streams
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", 96, 64)
        assert (codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range) == (1, 1, 1, 1)
        assert (stream.frames, stream.average_rate, stream.start_time) == (32, 16, 0)
        assert stream.duration * stream.time_base == 2
        times = [packet.pts * stream.time_base for packet in container.demux(stream) if packet.pts is not None]
    assert sorted(times) == [Fraction(number, 16) for number in range(32)]


def case_it_plays_while_it_loads(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(20), 24)
    names = boxes(folder / "a.mp4")
    assert names[0] == "ftyp"
    assert names.index("moov") < names.index("mdat")
    assert "moof" not in names


def case_key_frames_every_two_seconds(folder: Path) -> None:
    write_movie(folder / "a.mp4", (frame(0) for _ in range(50)), 8)
    with av.open(str(folder / "a.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        keys = sorted(packet.pts * packet.time_base for packet in packets if packet.is_keyframe)
    assert keys == [0, 2, 4, 6]


def case_colours_are_right(folder: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 100, 50)]
    flat = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    write_movie(folder / "a.mp4", flat, 4, quality=100)
    for picture, colour in zip(decoded(folder / "a.mp4"), colours, strict=True):
        assert np.abs(picture.astype(int) - colour).max() <= 4, (colour, picture[0, 0])


def case_odd_sizes_repeat_their_edge(folder: Path) -> None:
    for width, height in ((97, 64), (96, 63), (97, 63)):
        made = write_movie(folder / "a.mp4", clip(3, width, height), 8, quality=100)
        assert (made.width, made.height) == (width + width % 2, height + height % 2)
        for number, picture in enumerate(decoded(folder / "a.mp4")):
            assert apart(picture[:height, :width], frame(number, width, height)) < NEAR
            assert apart(picture[-1], picture[height - 1]) < NEAR
            assert apart(picture[:, -1], picture[:, width - 1]) < NEAR


def case_the_smallest_pictures(folder: Path) -> None:
    for width, height in ((1, 1), (2, 2), (5, 3), (16, 1)):
        write_movie(folder / "a.mp4", (np.full((height, width, 3), 90 + 9 * n, np.uint8) for n in range(3)), 8)
        for number, picture in enumerate(decoded(folder / "a.mp4")):
            assert picture.shape == (height + height % 2, width + width % 2, 3)
            assert np.abs(picture.astype(int) - (90 + 9 * number)).max() <= 3


def case_one_frame_is_a_clip(folder: Path) -> None:
    made = write_movie(folder / "a.mp4", clip(1), 24)
    assert (made.frames, made.seconds) == (1, 1 / 24)
    assert apart(decoded(folder / "a.mp4")[0], frame(0)) < NEAR


def case_rates_that_are_no_whole_numbers(folder: Path) -> None:
    ntsc = Fraction(30000, 1001)
    for given, kept in ((ntsc, ntsc), (29.97, Fraction(2997, 100)), (12.5, Fraction(25, 2)), (0.5, Fraction(1, 2))):
        made = write_movie(folder / "a.mp4", clip(25), given)
        with av.open(str(folder / "a.mp4")) as container:
            stream = container.streams.video[0]
            assert made.fps == kept
            assert abs(stream.average_rate - kept) < kept / 10_000
            assert abs(stream.duration * stream.time_base - 25 / kept) <= Fraction(1, 1000)


def case_frames_are_taken_one_at_a_time(folder: Path) -> None:
    """What is read of the iterator lies in the encoder, which looks a fixed number of frames ahead."""
    alive = most = 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def counted() -> object:
        nonlocal alive, most
        for number in range(240):
            alive += 1
            most = max(most, alive)
            yield frame(number, 64, 48).view(Counted)

    assert write_movie(folder / "a.mp4", counted(), 24).frames == 240
    assert most <= 4
    assert alive == 0


def case_higher_quality_is_closer_and_larger(folder: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 96, 3), np.uint8)
    sizes, errors = [], []
    for quality in (1, 50, 90, 100):
        write_movie(folder / "a.mp4", [noise] * 3, 8, quality=quality)
        sizes.append((folder / "a.mp4").stat().st_size)
        errors.append(apart(decoded(folder / "a.mp4")[2], noise))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert len(set(sizes)) == 4


def case_what_cannot_be_is_refused_and_leaves_nothing(folder: Path) -> None:
    path = folder / "a.mp4"
    assert "at least one frame" in refused(write_movie, path, [], 24)
    assert "frame 2 is 64×96, the first is 96×64" in refused(write_movie, path, [*clip(2), frame(2, 64, 96)], 24)
    for rate in (0, -1, 1000, float("nan"), float("inf")):
        assert "not a frame rate" in refused(write_movie, path, clip(2), rate)
    for quality in (0, 101):
        assert "from 1 to 100" in refused(write_movie, path, clip(2), 24, quality=quality)
    assert os.listdir(folder) == []


def case_frames_that_stop_midway_leave_what_was_there(folder: Path) -> None:
    path = folder / "a.mp4"
    write_movie(path, clip(2), 24)
    before = path.read_bytes()

    def broken() -> object:
        yield from clip(60)
        raise RuntimeError("cancelled")

    came_through = False
    try:
        write_movie(path, broken(), 24)
    except RuntimeError:
        came_through = True
    assert came_through
    assert os.listdir(folder) == ["a.mp4"]
    assert path.read_bytes() == before
