"""A thumbnail and a sheet of a clip that a provider has made: what local engines make themselves.

Made in the environment of the diffusers engine, where there is one; without, or when it fails, the clip is all that is
kept. Nothing is decoded in this process.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from gateway.artifacts.store import Made
from gateway.jobs.video_spec import SHEET, THUMBNAIL

_log = logging.getLogger("forebay.jobs")
_SECONDS = 90.0
_FILES = (f"{THUMBNAIL}.webp", f"{SHEET}.jpeg")


class ClipStills:
    """``python``: the environment's interpreter, if it is installed."""

    def __init__(self, python: Callable[[], Path | None], seconds: float = _SECONDS) -> None:
        self._python = python
        self._seconds = seconds

    async def of(self, clip: Path, folder: Path) -> tuple[Made, ...]:
        """Both, in ``folder``, or none."""
        python = await asyncio.to_thread(self._python)
        if python is None:
            return ()
        child = await asyncio.create_subprocess_exec(
            str(python), "-P", "-m", "backends.diffusers.worker.film", str(clip), str(folder),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            cwd="/", env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        said = b""
        try:
            async with asyncio.timeout(self._seconds):
                _, said = await child.communicate()
        except TimeoutError:
            said = b"it takes too long"
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode:
            _log.warning("no thumbnail of %s: %s", clip.name, said.decode("utf-8", "replace").strip()[-200:])
            return ()
        return await asyncio.to_thread(_made, folder)


def _made(folder: Path) -> tuple[Made, ...]:
    return tuple(
        Made(name=name, path=folder / name, sha256=hashlib.sha256((folder / name).read_bytes()).hexdigest())
        for name in _FILES
    )
