"""A movie's pictures, one at a time."""

from pathlib import Path

from backends.diffusers.worker.film.movie import write_movie
from backends.diffusers.worker.film.played import Played
from tests.film_cases.pictures import apart, clip, frame, refused

NEAR = 3.0


def case_in_order_and_out_of_it_they_are_what_was_written(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(40), 8)
    played = Played(folder / "a.mp4")
    assert (len(played), played.size) == (40, (96, 64))
    for number, picture in enumerate(played):
        assert apart(picture, frame(number)) < NEAR, number
    for number in (0, 39, 39, 20, 21, 5, -1):
        assert apart(played[number], frame(number % 40)) < NEAR, number
    assert [apart(each, frame(number)) < NEAR for number, each in zip((3, 4, 5), played[3:6], strict=True)] == [
        True
    ] * 3


def case_only_one_of_them_is_kept(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(40), 8)
    played = Played(folder / "a.mp4")
    assert played[7] is played[7]
    assert played[7] is not (played[8], played[7])[1]


def case_they_end(folder: Path) -> None:
    write_movie(folder / "a.mp4", clip(3), 8)
    try:
        Played(folder / "a.mp4")[3]
    except IndexError:
        pass
    else:
        raise AssertionError("there are three")
    (folder / "b.mp4").write_bytes(b"no movie at all" * 100)
    assert refused(Played, folder / "b.mp4")
