"""Disks that are full and folders that nobody may write: an ``OSError``, and nothing under the name."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from backends.diffusers.worker.film.movie import write_movie
from backends.diffusers.worker.film.sheet import write_sheet
from backends.diffusers.worker.film.sound import Sound
from backends.diffusers.worker.film.still import write_still
from backends.diffusers.worker.film.whole import whole
from tests.film_cases.pictures import clip

NOISE = [np.random.default_rng(seed).integers(0, 255, (120, 160, 3), np.uint8) for seed in range(8)]
SOUND = Sound(samples=np.random.default_rng(0).uniform(-1, 1, (2, 24000)), rate=24000)


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file gets larger than that: writing past it fails, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fails(call, *arguments: object) -> None:
    try:
        call(*arguments)
    except OSError:
        return
    raise AssertionError("it says that it wrote what it could not")


def case_no_room_for_a_movie(folder: Path) -> None:
    """At every place: in the header, among the pictures, in the index, and where the index moves to the front."""
    path = folder / "a.mp4"
    write_movie(path, NOISE, 8, SOUND)
    size = path.stat().st_size
    path.unlink()
    for most in (0, 40, 5000, size // 2, size - 3000, size - 500, size - 1):
        with room(most):
            fails(write_movie, path, NOISE, 8, SOUND)
        assert os.listdir(folder) == [], most
    with room(size):
        write_movie(path, NOISE, 8, SOUND)
    assert os.listdir(folder) == ["a.mp4"]


def case_what_was_there_stays(folder: Path) -> None:
    path = folder / "a.mp4"
    write_movie(path, clip(2), 8)
    before = path.read_bytes()
    with room(5000):
        fails(write_movie, path, NOISE, 8)
    assert path.read_bytes() == before
    assert os.listdir(folder) == ["a.mp4"]


def case_no_room_for_stills(folder: Path) -> None:
    with room(100):
        fails(write_still, folder / "a.webp", NOISE)
        fails(write_sheet, folder / "a.jpg", NOISE)
    assert os.listdir(folder) == []


def case_folders_that_take_no_file(folder: Path) -> None:
    (folder / "file").touch()
    for place in (folder / "none", folder / "file", Path("/proc")):
        fails(write_movie, place / "a.mp4", clip(2), 8)
        fails(write_still, place / "a.webp", NOISE)
        fails(write_sheet, place / "a.jpg", NOISE)
    assert os.listdir(folder) == ["file"]


def case_a_name_is_taken_only_by_a_whole_file(folder: Path) -> None:
    path = folder / "a"
    with whole(path) as partial:
        partial.write_bytes(b"all of it")
        assert not path.exists()
        assert partial.parent == folder
    assert path.read_bytes() == b"all of it"
    try:
        with whole(path) as partial:
            partial.write_bytes(b"half")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert os.listdir(folder) == ["a"]
    assert path.read_bytes() == b"all of it"
