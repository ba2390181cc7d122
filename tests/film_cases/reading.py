"""What a movie's file shows again."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from backends.diffusers.worker.film.movie import write_movie
from backends.diffusers.worker.film.reading import first_frame, last_frame, read_clip
from backends.diffusers.worker.film.sound import Sound
from tests.film_cases.pictures import apart, clip, frame, refused

NEAR = 3.0


def case_it_says_what_was_written(folder: Path) -> None:
    path = folder / "a.mp4"
    silence = Sound(samples=np.zeros((2, 100)), rate=24000)
    for count, rate, sound in ((1, 24, None), (2, 8, silence), (33, Fraction(30000, 1001), silence), (50, 12.5, None)):
        made = write_movie(path, clip(count, 97, 63), rate, sound)
        assert read_clip(path) == made
        assert made.sound == (sound is not None)
        assert made.frames == count


def case_first_and_last_are_what_was_written(folder: Path) -> None:
    """For clips within one group of pictures, of exactly one, one past it, and of many."""
    for count in (1, 2, 15, 16, 17, 33, 130):
        for sound in (None, Sound(samples=np.zeros((1, 8000 * count // 8 + 9)), rate=8000)):
            write_movie(folder / "a.mp4", clip(count), 8, sound)
            first, last = first_frame(folder / "a.mp4"), last_frame(folder / "a.mp4")
            assert (first.mode, first.size, last.mode, last.size) == ("RGB", (96, 64), "RGB", (96, 64))
            assert apart(first, frame(0)) < NEAR
            assert apart(last, frame(count - 1)) < NEAR, count


def case_a_chain_of_clips_keeps_its_picture(folder: Path) -> None:
    """Each clip begins with the last picture of the one before: five links later it is still the same picture."""
    picture = frame(3)
    for _ in range(5):
        write_movie(folder / "a.mp4", [np.zeros_like(picture), picture], 8)
        picture = np.asarray(last_frame(folder / "a.mp4"))
    assert apart(picture, frame(3)) < 2 * NEAR


def case_files_that_are_no_movies(folder: Path) -> None:
    (folder / "a.mp4").write_bytes(b"no movie at all" * 100)
    for read in (read_clip, first_frame, last_frame):
        assert refused(read, folder / "a.mp4")
        try:
            read(folder / "none.mp4")
        except FileNotFoundError:
            continue
        raise AssertionError("there is no such file")


def case_files_without_pictures(folder: Path) -> None:
    import av

    with av.open(str(folder / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=24000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 24000), np.float32), "fltp", "mono")
        heard.sample_rate = 24000
        container.mux(stream.encode(heard))
        container.mux(stream.encode())
    for read in (read_clip, first_frame, last_frame):
        assert "no picture in a.mp4" in refused(read, folder / "a.mp4")
