"""Which files of a source belong to a folder of weights, and the note of a folder that was pulled whole.

Pickles are never taken, whatever the patterns say: loading one runs code. Python files are taken by their exact name
only, since that is how a profile says that it wants them run.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Protocol

import msgspec
from msgspec import Struct

_NOTE = ".forebay-folder-{}.json"
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack", ".onnx", ".py"})


class Patterns(Protocol):
    """What is taken of a source."""

    @property
    def include(self) -> Sequence[str]: ...
    @property
    def exclude(self) -> Sequence[str]: ...


class Part(Struct, frozen=True):
    """A file of the folder as it was when it was verified."""

    path: str
    bytes: int
    modified_ns: int = 0


class Note(Struct, frozen=True):
    """Written once all files are there. ``commit`` is the revision they came from; the patterns are what was taken."""

    commit: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    files: tuple[Part, ...]


def wanted(paths: Iterable[str], patterns: Patterns) -> list[str]:
    """Those that belong to it, sorted. A pattern is held against the whole path and against its last part."""
    return sorted(path for path in paths if _is_wanted(path, patterns))


def is_pickle(path: str) -> bool:
    """Whether loading it may run code."""
    return PurePosixPath(path).suffix.lower() in _PICKLES


def is_whole(folder: Path, patterns: Patterns) -> bool:
    """Pulled with these patterns, and nothing has changed since."""
    try:
        note = msgspec.json.decode(_note(folder, patterns).read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return False
    if (note.include, note.exclude) != (tuple(patterns.include), tuple(patterns.exclude)):
        return False
    return bool(note.files) and all(_is_there(folder, part) for part in note.files)


def write_note(folder: Path, commit: str, patterns: Patterns, paths: Sequence[str]) -> None:
    """After everything was verified."""
    parts = tuple(_part(folder, path) for path in paths)
    note = Note(commit, tuple(patterns.include), tuple(patterns.exclude), parts)
    final = _note(folder, patterns)
    partial = final.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(note))
    partial.replace(final)


def _note(folder: Path, patterns: Patterns) -> Path:
    """One for each set of patterns: variants take different parts of one repository into the same folder."""
    told = msgspec.json.encode((tuple(patterns.include), tuple(patterns.exclude)))
    return folder / _NOTE.format(sha256(told).hexdigest()[:16])


def _is_wanted(path: str, patterns: Patterns) -> bool:
    parts = PurePosixPath(path).parts
    if ".." in parts or path.startswith("/") or "\\" in path:
        return False
    if is_pickle(path) and not (path.endswith(".py") and path in patterns.include):
        return False
    return _matches(path, patterns.include) and not _matches(path, patterns.exclude)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    last = PurePosixPath(path).name
    return any(fnmatchcase(path, each) or fnmatchcase(last, each) for each in patterns)


def _part(folder: Path, path: str) -> Part:
    stat = (folder / path).stat()
    return Part(path, stat.st_size, stat.st_mtime_ns)


def _is_there(folder: Path, part: Part) -> bool:
    try:
        return _part(folder, part.path) == part
    except OSError:
        return False
