"""A thumbnail and a sheet of a clip that a provider has made, as local engines make them, and what the clip is.

Made in the environment of the diffusers engine, where there is one; without, or when it fails, the clip is all that is
kept. Nothing is decoded in this process.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.process.communicate import communicate
from backends.weights.store import digest_of
from gateway.artifacts.store import Made
from gateway.jobs.video_spec import SHEET, THUMBNAIL
from gateway.routing.clip_job import ClipWish

_log = logging.getLogger("forebay.jobs")
_SECONDS = 90.0
_NOTICED = 0.25
"""Seconds that somebody would see."""
_FILES = (f"{THUMBNAIL}.webp", f"{SHEET}.jpeg")


class Seen(Struct, frozen=True, kw_only=True):
    """What a clip is, in pixels and seconds."""

    width: int
    height: int
    seconds: float


class ClipStills:
    """``python``: the environment's interpreter, if it is installed."""

    def __init__(self, python: Callable[[], Path | None], seconds: float = _SECONDS) -> None:
        self._python = python
        self._seconds = seconds

    async def of(self, clip: Path, folder: Path) -> tuple[tuple[Made, ...], Seen | None]:
        """Both, in ``folder``, or none."""
        python = await asyncio.to_thread(self._python)
        if python is None:
            return (), None
        child = await asyncio.create_subprocess_exec(
            str(python), "-P", "-m", "backends.diffusers.worker.film", str(clip), str(folder),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            cwd="/", env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            said, complaint = await communicate(child, self._seconds)
        except TimeoutError:
            said, complaint = b"", b"it takes too long"
        if child.returncode:
            _log.warning("no thumbnail of %s: %s", clip.name, complaint.decode("utf-8", "replace").strip()[-200:])
            return (), None
        return await asyncio.to_thread(_made, folder), msgspec.json.decode(said, type=Seen)


def differences(wish: ClipWish, seen: Seen | None) -> tuple[str, ...]:
    """What a provider has made otherwise than it was asked for; only the file says so. Pure."""
    if seen is None:
        return ()
    notes: list[str] = []
    if (seen.width, seen.height) != (wish.width, wish.height):
        notes.append(f"the clip is {seen.width}x{seen.height}")
    if abs(seen.seconds - wish.frames / wish.fps) >= _NOTICED:
        notes.append(f"the clip is {seen.seconds:.1f} s long")
    return tuple(notes)


def _made(folder: Path) -> tuple[Made, ...]:
    return tuple(Made(name=name, path=folder / name, sha256=digest_of(folder / name)) for name in _FILES)
