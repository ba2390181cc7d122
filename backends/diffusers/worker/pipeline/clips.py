# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# numpy and PyAV are in the engine's environment only
"""From a clip's pictures and sound to its files: the movie, its thumbnail, its sheet. Makes nothing itself."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backends.diffusers.worker.film.frames import pixels
from backends.diffusers.worker.film.movie import QUALITY, write_movie
from backends.diffusers.worker.film.sheet import write_sheet
from backends.diffusers.worker.film.still import write_still
from backends.diffusers.worker.pipeline.shown import Shown
from backends.errors import BackendError, Cause
from backends.weights.store import digest_of
from backends.wire.media_job import Artifact, MediaJob

FPS = 16.0


def clip_files(shown: Shown, job: MediaJob, index: int, seed: int) -> Iterator[Artifact]:
    """Writes them into the job's folder, each whole when it has its name. Raises ``BackendError``: ``STORAGE``."""
    frames, fps = shown.frames, job.fps or FPS
    stem = Path(job.output.folder) / f"{job.id}-{index}"
    try:
        movie = stem.with_suffix(".mp4")
        pictures = Watched(frames)
        clip = write_movie(movie, pictures, fps, shown.sound, job.output.quality or QUALITY)
        yield _artifact(
            movie, index=index, seed=seed, role="clip", format="mp4", width=clip.width, height=clip.height,
            frames=clip.frames, fps=float(clip.fps), sound=clip.sound, pixels_sha256=pictures.digest(),
        )  # fmt: skip
        still = stem.with_suffix(".webp")
        width, height = write_still(still, frames)
        yield _artifact(still, index=index, seed=seed, role="thumbnail", format="webp", width=width, height=height)
        sheet = stem.with_suffix(".jpeg")
        grid = write_sheet(sheet, frames)
        width, height = grid.columns * grid.width, grid.rows * grid.height
        yield _artifact(
            sheet, index=index, seed=seed, role="sheet", format="jpeg", width=width, height=height,
            frames=len(grid.frames),
        )  # fmt: skip
    except OSError as error:
        raise BackendError(Cause.STORAGE, "the clip could not be written", private=str(error)) from None


class Watched:
    """Pictures on their way into a movie, and their digest: encoders do not always make the same bytes of them."""

    def __init__(self, frames: Sequence[Any]) -> None:
        self._frames = frames
        self._seen = hashlib.sha256()

    def __iter__(self) -> Iterator[Any]:
        for shown in self._frames:
            picture = pixels(shown)
            self._seen.update(picture)
            yield picture

    def digest(self) -> str:
        """Of those that were taken."""
        return self._seen.hexdigest()


def _artifact(path: Path, **fields: Any) -> Artifact:
    return Artifact(path=str(path), bytes=path.stat().st_size, sha256=digest_of(path), **fields)
