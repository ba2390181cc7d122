"""A thumbnail and a sheet of a clip that somebody else made, in the engine's environment, with a movie that is one."""

import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from backends.contract import Task
from gateway.jobs.clip_stills import ClipStills, Seen, differences
from gateway.routing.clip_job import ClipWish
from tests.diffusers_fixtures import python
from tests.tree import ROOT
from tests.worker_processes import measured

MOVIE = """
import sys
from pathlib import Path
import numpy as np
from backends.diffusers.worker.film.movie import write_movie
write_movie(Path(sys.argv[1]), [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(20)], 10)
"""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "made-0.mp4"
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([python(), "-c", MOVIE, str(path)], env=environment, cwd=ROOT, check=True, timeout=60)
    return path


async def test_both_are_made(clip: Path, tmp_path: Path) -> None:
    made, seen = await ClipStills(python).of(clip, tmp_path)
    assert seen == Seen(width=64, height=48, seconds=2.0)
    assert [each.name for each in made] == ["thumbnail.webp", "spritesheet.jpeg"]
    sizes = []
    for each in made:
        with Image.open(each.path) as picture:
            picture.load()
            sizes.append((picture.format, picture.size))
    assert sizes == [("WEBP", (64, 48)), ("JPEG", (256, 192))]


def test_what_came_otherwise_than_it_was_asked_for_is_said() -> None:
    wish = ClipWish(task=Task.VIDEO, prompt="a boat", width=1280, height=720, frames=120, fps=24.0, seed=1)
    assert differences(wish, None) == ()
    assert differences(wish, Seen(width=1280, height=720, seconds=5.04)) == ()
    assert differences(wish, Seen(width=640, height=360, seconds=4.0)) == (
        "the clip is 640x360", "the clip is 4.0 s long",
    )  # fmt: skip


async def test_of_garbage_there_is_none_and_the_clip_stays(tmp_path: Path) -> None:
    garbage = tmp_path / "made-0.mp4"
    garbage.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(4096))
    assert await ClipStills(python).of(garbage, tmp_path) == ((), None)
    assert [path.name for path in tmp_path.iterdir()] == ["made-0.mp4"]


async def test_without_the_engine_there_is_none(tmp_path: Path) -> None:
    assert await ClipStills(lambda: None).of(tmp_path / "a.mp4", tmp_path) == ((), None)


async def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    assert await ClipStills(lambda: slow, seconds=0.2).of(tmp_path / "a.mp4", tmp_path) == ((), None)


def test_the_program_by_itself(clip: Path, tmp_path: Path) -> None:
    """What the gateway starts, seen by coverage."""
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)} | measured()
    command = [python(), "-m", "backends.diffusers.worker.film"]
    done = subprocess.run(
        [*command, str(clip), str(tmp_path)], env=environment, cwd=ROOT, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, b'{"width":64,"height":48,"seconds":2.0}'), done.stderr
    missing = subprocess.run([*command, str(tmp_path / "no.mp4"), str(tmp_path)], env=environment, cwd=ROOT, timeout=60)
    assert missing.returncode == 1
