"""Thumbnail and sheet, opened again."""

import os
from pathlib import Path

import numpy as np

from backends.diffusers.worker.film.sheet import grid, write_sheet
from backends.diffusers.worker.film.still import write_still
from tests.film_cases.pictures import apart, clip, frame, opened, refused

NEAR = 5.0


class Asked(list):
    """Frames that note which were looked at."""

    def __init__(self, count: int, width: int = 96, height: int = 64) -> None:
        super().__init__(clip(count, width, height))
        self.asked: list[int] = []

    def __getitem__(self, index):
        self.asked.append(index)
        return super().__getitem__(index)


def case_the_still_is_of_the_middle(folder: Path) -> None:
    for count, middle in ((1, 0), (2, 0), (3, 1), (49, 24), (16, 7)):
        frames = Asked(count)
        assert write_still(folder / "a.webp", frames) == (96, 64)
        assert frames.asked == [middle]
        picture = opened(folder / "a.webp")
        assert picture.format == "WEBP"
        assert apart(picture.convert("RGB"), frame(middle)) < NEAR


def case_a_large_still_is_scaled(folder: Path) -> None:
    for width, height, expected in ((832, 480, (512, 295)), (512, 900, (512, 900)), (4000, 2, (512, 1))):
        assert write_still(folder / "a.webp", [frame(3, width, height)]) == expected
        assert opened(folder / "a.webp").size == expected
    write_still(folder / "a.webp", [frame(3, 832, 480)])
    assert apart(opened(folder / "a.webp").convert("RGB"), frame(3, 512, 295)) < NEAR


def case_the_sheet_shows_evenly_spaced_pictures(folder: Path) -> None:
    frames = Asked(49)
    made = write_sheet(folder / "a.jpg", frames)
    assert made == grid(49, 96, 64)
    assert frames.asked == list(made.frames), "in one pass, each once"
    assert (made.columns, made.rows, made.frames[0], made.frames[-1]) == (4, 4, 0, 48)
    assert {later - sooner for sooner, later in zip(made.frames, made.frames[1:], strict=False)} <= {3, 4}
    sheet = opened(folder / "a.jpg")
    assert (sheet.format, sheet.size) == ("JPEG", (4 * 96, 4 * 64))
    shown = np.asarray(sheet)
    for cell, index in enumerate(made.frames):
        row, column = divmod(cell, 4)
        part = shown[row * 64 : row * 64 + 64, column * 96 : column * 96 + 96]
        assert apart(part, frame(index)) < NEAR, index


def case_few_pictures_make_a_small_sheet(folder: Path) -> None:
    for count, shape in ((1, (1, 1)), (2, (2, 1)), (3, (2, 2)), (4, (2, 2)), (5, (3, 2)), (12, (4, 3)), (16, (4, 4))):
        made = write_sheet(folder / "a.jpg", list(clip(count)))
        assert (made.columns, made.rows) == shape, count
        assert made.frames == tuple(range(count))
        assert opened(folder / "a.jpg").size == (shape[0] * 96, shape[1] * 64)
    write_sheet(folder / "a.jpg", list(clip(3)))
    assert np.asarray(opened(folder / "a.jpg"))[70:, 104:].max() < 30, "what is left over is black"


def case_large_pictures_make_bounded_cells(folder: Path) -> None:
    made = write_sheet(folder / "a.jpg", list(clip(17, 832, 480)))
    assert (made.width, made.height) == (320, 185)
    assert opened(folder / "a.jpg").size == (1280, 740)
    upright = grid(17, 480, 832)
    assert (upright.width, upright.height) == (185, 320)
    assert grid(1, 9000, 1).height == 1


def case_no_frames_are_refused(folder: Path) -> None:
    assert "at least one frame" in refused(write_still, folder / "a.webp", [])
    assert "at least one frame" in refused(write_sheet, folder / "a.jpg", [])
    assert os.listdir(folder) == []
