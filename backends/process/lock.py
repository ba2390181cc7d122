"""One gateway for each state directory: two would start engines on the same memory and reap each other's."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from backends.errors import BackendError, Cause
from backends.process.identity import start_time

_NAME = "gateway.lock"


class StateLock:
    """An advisory lock that the kernel gives back when its holder dies, so a stale one cannot exist.

    The file holds the owner's pid and start time for the message of the refused one. It is never deleted: a deleted
    lock file would let two holders lock two different inodes of the same name.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / _NAME
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise ``BackendError(STORAGE)`` naming the process that has it."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BackendError(
                Cause.STORAGE, "the state directory cannot be written", private=f"{self.path}: {error}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(descriptor, 64, 0).split(b" ", 1)[0].decode("ascii", "replace")
            os.close(descriptor)
            raise BackendError(
                Cause.STORAGE,
                f"another gateway (pid {owner or 'unknown'}) already uses the state directory",
                private=f"{self.path}: {error}",
            ) from error
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {start_time(os.getpid())}\n".encode(), 0)
        except OSError as error:  # a full disk, as a rule
            os.close(descriptor)
            raise BackendError(
                Cause.STORAGE, "the state directory cannot be written", private=f"{self.path}: {error}"
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
