"""Whether the disk has room for an installation, before anything is fetched. Writes nothing."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from backends.environments.kinds import Space
from backends.errors import BackendError, Cause

Free = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    """Free bytes where ``folder`` is or would be."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """``folder`` or the nearest above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders share their free space."""
    return existing(one).stat().st_dev == existing(other).stat().st_dev


def lack(
    space: Space,
    root: Path,
    free: Free = free_bytes,
    *,
    temporary: Path | None = None,
    together: Callable[[Path, Path], bool] = same_disk,
) -> str:
    """What is missing for an environment below ``root``, in words; empty when there is room.

    pip keeps downloads in the temporary folder, often a small file system of its own, until they are unpacked.
    """
    downloads = temporary or Path(tempfile.gettempdir())
    if together(root, downloads):
        places = [(space.environment + space.downloads, root, "")]
    else:
        places = [(space.environment, root, ""), (space.downloads, downloads, "; TMPDIR can name another folder")]
    for needed, folder, remedy in places:
        if (left := free(folder)) < needed:
            return f"needs {_gigabytes(needed)} of disk below {folder}, where {_gigabytes(left)} are free{remedy}"
    return ""


def check(name: str, space: Space, root: Path, free: Free = free_bytes) -> None:
    """Raises ``BackendError(STORAGE)`` when there is no room for the environment of runtime ``name``."""
    if words := lack(space, root, free):
        raise BackendError(Cause.STORAGE, f"{name} {words}")


def takes(space: Space) -> str:
    """What an installation will take, for a line of progress; empty when it is little."""
    return f", takes {_gigabytes(space.environment)} of disk" if space.environment else ""


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
