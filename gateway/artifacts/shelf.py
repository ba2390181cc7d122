"""Where kept files are: a folder of this machine or an S3 bucket, through obstore. Never looks into them.

A folder gets its files by a rename after they are on the disk, a bucket by an upload that is there whole or not at all.
"""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from backends.errors import BackendError, Cause

_PIECE = 8 * 1024 * 1024


class Shelf(Protocol):
    """All but ``piece`` are for a thread. Everything raises ``BackendError``: ``STORAGE``, ``NOT_FOUND``."""

    def put(self, path: Path, key: str, reached: Callable[[str], None]) -> None:
        """The file is under its key when this returns, and only then; ``path`` may be gone."""
        ...

    async def piece(self, key: str, start: int, end: int) -> bytes: ...

    def pieces(self, key: str) -> Iterator[bytes]: ...

    def keys(self, prefix: str) -> list[str]: ...

    def tops(self) -> frozenset[str]:
        """The first parts of all keys."""
        ...

    def copy(self, key: str, to: str) -> None: ...

    def delete(self, keys: Sequence[str]) -> None: ...


class _Objects:
    """What both do the same."""

    def __init__(self, objects: LocalStore | S3Store) -> None:
        self._objects = objects

    async def piece(self, key: str, start: int, end: int) -> bytes:
        with _told():
            return bytes(await obstore.get_range_async(self._objects, key, start=start, end=end))

    def pieces(self, key: str) -> Iterator[bytes]:
        with _told():
            for piece in obstore.get(self._objects, key).stream(min_chunk_size=_PIECE):
                yield bytes(piece)

    def keys(self, prefix: str) -> list[str]:
        with _told():
            found = obstore.list(self._objects, prefix)  # pyright: ignore[reportUnknownMemberType] -- its Arrow form has no types
            return [each["path"] for each in found.collect()]

    def tops(self) -> frozenset[str]:
        with _told():
            found = obstore.list_with_delimiter(self._objects)  # pyright: ignore[reportUnknownMemberType] -- the same
            return frozenset(prefix.strip("/") for prefix in found["common_prefixes"])

    def copy(self, key: str, to: str) -> None:
        with _told():
            obstore.copy(self._objects, key, to)

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                with _told():
                    obstore.delete(self._objects, key)
            except BackendError as error:
                if error.cause is not Cause.NOT_FOUND:
                    raise


class FolderShelf(_Objects):
    """In ``folder``, made if it is not there. Files that are put must be on the same file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _told():
            super().__init__(LocalStore(folder, mkdir=True, automatic_cleanup=True))

    def put(self, path: Path, key: str, reached: Callable[[str], None]) -> None:
        """Waits for the disk, renames, and waits for the disk again: obstore's own rename does not."""
        try:
            _synced(path)
            reached("after_fsync")
            place = self._folder / key
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.replace(place)
            reached("after_rename")
            for folder in (place.parent, place.parent.parent, self._folder):
                _synced(folder)
            reached("after_folder_fsync")
        except OSError as error:
            raise BackendError(Cause.STORAGE, "a result could not be kept", private=str(error)) from None


class BucketShelf(_Objects):
    """At an ``s3://bucket/prefix``; credentials, region and endpoint come from the usual ``AWS_`` variables."""

    def __init__(self, url: str, retry_seconds: float = 30.0) -> None:
        try:
            store = S3Store.from_url(url, retry_config={"retry_timeout": timedelta(seconds=retry_seconds)})
        except (BaseError, ValueError) as error:
            raise BackendError(Cause.STORAGE, "the bucket for results cannot be used", private=str(error)) from None
        super().__init__(store)

    def put(self, path: Path, key: str, reached: Callable[[str], None]) -> None:
        reached("after_fsync")
        with _told():
            obstore.put(self._objects, key, path)
        reached("after_rename")


@contextmanager
def _told() -> Generator[None]:
    """What obstore raises, in our words. Its errors quote paths and addresses: they are for the log."""
    try:
        yield
    except FileNotFoundError:
        raise BackendError(Cause.NOT_FOUND, "this file is not kept any more") from None
    except (BaseError, OSError) as error:
        raise BackendError(Cause.STORAGE, "the place of results did not answer", private=str(error)) from None


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
