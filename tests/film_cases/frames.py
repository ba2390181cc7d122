"""Each kind of output that pipelines have."""

from pathlib import Path

import numpy as np
from PIL import Image

from backends.diffusers.worker.film.frames import Frames, frames_of, pixels
from backends.diffusers.worker.film.movie import write_movie
from tests.film_cases.pictures import clip, frame, refused

COUNT = 5
EXACT = np.stack(list(clip(COUNT)))


def same(found: Frames) -> None:
    assert len(found) == COUNT
    shown = list(found)
    assert np.array_equal(np.stack(shown), EXACT)
    assert np.array_equal(found[2], EXACT[2])
    assert np.array_equal(found[-1], EXACT[-1])
    for picture in shown:
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous


def case_lists_of_pictures(folder: Path) -> None:
    pictures = [Image.fromarray(picture) for picture in EXACT]
    same(frames_of(pictures))
    same(frames_of(tuple(pictures)))
    same(frames_of([pictures]))
    same(frames_of([picture.convert("RGBA") for picture in pictures]))
    assert len(frames_of([])) == 0


def case_arrays(folder: Path) -> None:
    floats = EXACT.astype(np.float32) / 255.0
    same(frames_of(floats))
    same(frames_of(floats[None]))
    same(frames_of([floats]))
    same(frames_of(list(floats)))
    same(frames_of(floats.astype(np.float64)))
    same(frames_of(EXACT))
    assert np.array_equal(frames_of(EXACT[:, ::-1])[0], EXACT[0, ::-1])


def case_tensors(folder: Path) -> None:
    import torch

    tensor = torch.from_numpy(EXACT.astype(np.float32) / 255.0).permute(0, 3, 1, 2)
    same(frames_of(tensor))
    same(frames_of(tensor[None].requires_grad_()))
    same(frames_of([tensor]))
    same(frames_of(torch.from_numpy(EXACT).permute(0, 3, 1, 2)))
    rough = frames_of(tensor.to(torch.bfloat16))[1].astype(int)
    assert np.abs(rough - EXACT[1]).max() <= 1


def case_slices_are_frames_too(folder: Path) -> None:
    part = frames_of(EXACT.astype(np.float32) / 255.0)[1:3]
    assert isinstance(part, Frames)
    assert [np.array_equal(*pair) for pair in zip(part, EXACT[1:3], strict=True)] == [True, True]


def case_nothing_is_made_before_it_is_asked_for(folder: Path) -> None:
    class Watched:
        asked: list[int] = []

        def __len__(self) -> int:
            return 9

        def __getitem__(self, index: int) -> np.ndarray:
            if index >= 9:
                raise IndexError
            self.asked.append(index)
            return frame(index)

    frames = Frames(Watched())
    assert Watched.asked == []
    shown = iter(frames)
    next(shown)
    next(shown)
    assert Watched.asked == [0, 1]


def case_what_is_out_of_range_is_clipped(folder: Path) -> None:
    wild = np.full((2, 2, 3), np.nan, np.float32)
    wild[0, 0], wild[0, 1], wild[1, 0] = 2.0, -1.0, np.inf
    assert pixels(wild)[:, :, 0].tolist() == [[255, 0], [255, 0]]
    assert pixels(np.full((1, 1, 3), 0.5))[0, 0, 0] == 128, "rounded, not cut"


def case_other_shapes_are_refused(folder: Path) -> None:
    import torch

    assert "one clip at a time, not 2" in refused(frames_of, np.zeros((2, 3, 8, 8, 3)))
    assert "one clip at a time, not 2" in refused(frames_of, [[frame(0)], [frame(1)]])
    assert "4 dimensions, not 3" in refused(frames_of, frame(0))
    for wrong in (np.zeros((8, 8)), np.zeros((8, 8, 4)), np.zeros((3, 8, 8)), np.zeros((0, 8, 3)), torch.zeros(8, 8)):
        assert "three channels" in refused(pixels, wrong)
    assert "neither 8 bits" in refused(pixels, np.zeros((8, 8, 3), np.int64))


def case_a_pipelines_output_becomes_a_movie(folder: Path) -> None:
    made = write_movie(folder / "a.mp4", frames_of((EXACT / 255.0)[None]), 8)
    assert made.frames == COUNT
