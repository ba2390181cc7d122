"""Puts the files of a job where they are kept, reads them in pieces, takes them away. Decides nothing about jobs.

A key is ``{job}/{attempt}/{name}``: attempts of a job never write over each other, and whoever forgets a job forgets
one prefix. A file is under its key only when it is whole and on the disk. How that is done for a folder and for a
bucket is in ``shelf``.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.weights.store import digest_of
from gateway.artifacts.shelf import Shelf

PIECE = 1024 * 1024
Reached = Callable[[str], None]
"""Told the name of each point at which a process may be killed; tests do it."""


def unwatched(_point: str) -> None:
    """Nobody listens."""


class Made(Struct, frozen=True, kw_only=True):
    """A finished file in the folder of an attempt. ``sha256`` as its maker says."""

    name: str
    path: Path
    sha256: str


class Kept(Struct, frozen=True, kw_only=True):
    """A file that is kept. Bytes; ``digest`` is its SHA-256 in hex."""

    key: str
    size: int
    digest: str


class ArtifactStore:
    """``staging`` is this gateway's own; what a killed one left there goes with ``prepare``."""

    def __init__(self, shelf: Shelf, staging: Path, most_bytes: int, reached: Reached = unwatched) -> None:
        self._shelf = shelf
        self._staging = staging
        self._most_bytes = most_bytes
        self._reached = reached

    def prepare(self) -> None:
        """An empty folder that only this user may enter; for a thread. Raises ``BackendError(STORAGE)``."""
        try:
            shutil.rmtree(self._staging, ignore_errors=True)
            self._staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _storage("the folder for results cannot be made", error) from None

    def stage(self, job: str, attempt: int) -> Path:
        """A new folder for what an attempt makes; for a thread. Raises ``BackendError(STORAGE)``."""
        folder = self._staging / f"{job}-{attempt}"
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise _storage("no folder could be made for a result", error) from None
        return folder

    def unstage(self, folder: Path) -> None:
        """Removes it, whatever is in it; for a thread."""
        shutil.rmtree(folder, ignore_errors=True)

    def publish(self, job: str, attempt: int, folder: Path, files: Sequence[Made]) -> tuple[Kept, ...]:
        """Each of ``files`` under its key, on the disk; for a thread. All of them, or ``BackendError``: ``STORAGE``,
        ``TOO_LARGE``, or ``UPSTREAM_PROTOCOL`` for a file that is not what its maker said."""
        sizes = [_size_of(made, folder) for made in files]
        if sum(sizes) > self._most_bytes:
            raise BackendError(Cause.TOO_LARGE, f"the result has {sum(sizes)} bytes, more than {self._most_bytes}")
        kept: list[Kept] = []
        for made, size in zip(files, sizes, strict=True):
            try:
                digest = digest_of(made.path)
            except OSError as error:
                raise _storage("a result could not be read", error) from None
            if made.sha256 and digest != made.sha256:
                raise BackendError(Cause.UPSTREAM_PROTOCOL, "a result is not what its worker said that it was")
            key = f"{job}/{attempt}/{made.name}"
            self._reached("before_publish")
            self._shelf.put(made.path, key, self._reached)
            kept.append(Kept(key=key, size=size, digest=digest))
        return tuple(kept)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` to before ``end``, in pieces. Raises ``BackendError``: ``NOT_FOUND``, ``STORAGE``."""
        while start < end:
            until = min(end, start + PIECE)
            yield await self._shelf.piece(key, start, until)
            start = until

    def fetch(self, key: str, to: Path) -> None:
        """A copy at the path ``to``; for a thread. Raises ``BackendError``: ``NOT_FOUND``, ``STORAGE``."""
        try:
            with to.open("wb") as file:
                for piece in self._shelf.pieces(key):
                    file.write(piece)
        except OSError as error:
            raise _storage("a result could not be copied", error) from None

    def copy(self, key: str, to: str) -> None:
        """The same file under another key; for a thread. Raises ``BackendError``: ``NOT_FOUND``, ``STORAGE``."""
        self._shelf.copy(key, to)

    def forget(self, job: str) -> None:
        """Every file of a job goes; for a thread. Raises ``BackendError(STORAGE)``."""
        self._shelf.delete(self._shelf.keys(f"{job}/"))

    def drop(self, job: str, attempt: int) -> None:
        """Those of one attempt go; for a thread. Raises ``BackendError(STORAGE)``."""
        self._shelf.delete(self._shelf.keys(f"{job}/{attempt}/"))

    def keep_only(self, job: str, attempt: int) -> None:
        """Those of other attempts go; what the job began with (attempt 0) stays. As ``drop``."""
        kept = (f"{job}/0/", f"{job}/{attempt}/")
        self._shelf.delete([key for key in self._shelf.keys(f"{job}/") if not key.startswith(kept)])

    async def jobs(self) -> frozenset[str]:
        """Ids of all jobs that have files. Raises ``BackendError(STORAGE)``."""
        return await asyncio.to_thread(self._shelf.tops)

    def free_bytes(self) -> int:
        """On the disk where results are made; for a thread. Raises ``BackendError(STORAGE)``."""
        try:
            return shutil.disk_usage(self._staging).free
        except OSError as error:
            raise _storage("the folder for results cannot be looked at", error) from None


def _size_of(made: Made, folder: Path) -> int:
    """Raises for what is no plain file inside the attempt's own folder: workers are not trusted with paths."""
    try:
        inside = made.path.resolve(strict=True).parent == folder.resolve(strict=True)
        about = os.lstat(made.path)
    except OSError as error:
        raise _storage("a result is missing", error) from None
    if not inside or not stat.S_ISREG(about.st_mode):
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "a worker named a file that is not its own")
    return about.st_size


def _storage(detail: str, error: OSError) -> BackendError:
    return BackendError(Cause.STORAGE, detail, private=str(error))
