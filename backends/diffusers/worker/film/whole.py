"""Files that are whole when they have their name. Knows nothing of what is in them."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, raw: bytes) -> None:
    """``raw`` as a file, as ``whole`` says. Raises ``OSError``."""
    with whole(path) as partial:
        partial.write_bytes(raw)


@contextmanager
def whole(path: Path) -> Generator[Path]:
    """The path of a file beside ``path`` to write to. At the end of the block it is on the disk and takes the name.

    However the block fails, nothing is left of it, and what ``path`` was before stays. Raises ``OSError``.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
