"""The folder of weights: where each file of each source lies, and whether it is there and was verified.

``locate`` is asked for every cold request, so it only looks at the file system's metadata; ``pull`` fills the folder.
"""

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.weights.folder import is_pickle, is_whole, wanted
from backends.weights.source import Bundled, Hub, Local, Source, WeightFile, WeightFolder, Weights, Wheel, parse

BUNDLED = Path(__file__).resolve().parent.parent / "bundled"
_BLOCK = 1 << 20


class Stamp(Struct, frozen=True):
    """Written beside a file once its digest was checked; void as soon as the file's size or time changes."""

    sha256: str
    bytes: int
    modified_ns: int
    revision: str = ""


class WeightStore:
    """``root`` is ours; ``models_dir`` is where relative ``file:`` sources are looked up."""

    def __init__(self, root: Path, models_dir: Path | None = None) -> None:
        self.root = root
        self._models_dir = models_dir

    def path(self, source: Source, file: WeightFile) -> Path:
        """Where ``file`` belongs. Never outside its folder. Raises ``BackendError(LOAD_FAILED)``."""
        base = self._folder(source)
        path = base / (Path(file.path).name if isinstance(source, Wheel) else file.path)
        if isinstance(source, Local) and base.is_file():
            path = base
        if base not in (path, *path.parents) or ".." in Path(file.path).parts:
            raise BackendError(Cause.LOAD_FAILED, f"the path {file.path[:80]!r} leaves its folder")
        return path

    def locate(self, weights: Weights) -> tuple[Path, ...] | None:
        """The files, if all are here and verified (``file:`` ones without a digest: here); else ``None``.

        Of a folder, the folder.
        """
        source = parse(weights.source)
        if weights.folder is not None:
            return self._whole(source, weights.folder)
        paths = tuple(self.path(source, file) for file in weights.files)
        present = all(self.is_good(source, f, p) for f, p in zip(weights.files, paths, strict=True))
        return paths if present else None

    def missing_bytes(self, weights: Weights) -> int:
        """How much a pull would fetch; of a folder, about."""
        source = parse(weights.source)
        if weights.folder is not None:
            return 0 if self._whole(source, weights.folder) is not None else weights.folder.bytes
        return sum(f.bytes for f in weights.files if not self.is_good(source, f, self.path(source, f)))

    def stamp(self, path: Path, digest: str, revision: str = "") -> None:
        """Records that ``path`` has ``digest``."""
        stat = path.stat()
        seen = Stamp(digest, stat.st_size, stat.st_mtime_ns, revision)
        _stamp_path(path).write_bytes(msgspec.json.encode(seen))

    def root_of(self, weights: Weights) -> Path:
        """The folder in which its files have the paths that their source gives them."""
        return self._folder(parse(weights.source))

    def _whole(self, source: Source, folder: WeightFolder) -> tuple[Path, ...] | None:
        """The folder itself, if all of it is here. An operator's own and ours are taken as they are."""
        base = self._folder(source)
        if not isinstance(source, Local | Bundled):
            return (base,) if is_whole(base, folder) else None
        if base.is_file():
            return None if is_pickle(base.name) else (base,)
        there = (str(path.relative_to(base)) for path in base.rglob("*") if path.is_file()) if base.is_dir() else ()
        return (base,) if wanted(there, folder) else None

    def is_good(self, source: Source, file: WeightFile, path: Path) -> bool:
        """``path`` is the file, verified and unchanged since."""
        try:
            stat = path.stat()
        except OSError:
            return False
        if isinstance(source, Local) and file.sha256 is None:
            return True
        seen = _stamp_of(path)
        if seen is None or (seen.bytes, seen.modified_ns) != (stat.st_size, stat.st_mtime_ns):
            return False
        return file.sha256 is None or file.sha256 == seen.sha256

    def is_of(self, commit: str, source: Source, file: WeightFile, path: Path) -> bool:
        """``path`` may be what ``file`` is at ``commit``: by its digest, or, without one, fetched from there."""
        seen = _stamp_of(path)
        if file.sha256 is not None:
            return seen is None or seen.sha256 == file.sha256
        return seen is not None and seen.revision == commit and self.is_good(source, file, path)

    def _folder(self, source: Source) -> Path:
        match source:
            case Wheel(distribution, version):
                return self.root / "pypi" / f"{distribution}-{version}"
            case Hub(repository, revision):
                return self.root / "hf" / repository.replace("/", "--") / revision.replace("/", "-")
            case Bundled(name):
                return BUNDLED / name
            case Local(path):
                return self._local(Path(path))

    def _local(self, path: Path) -> Path:
        if path.is_absolute():
            return path
        if self._models_dir is None:
            raise BackendError(Cause.LOAD_FAILED, f"file:{path} is relative and FOREBAY_MODELS_DIR is not set")
        root = self._models_dir.resolve()
        resolved = (root / path).resolve()
        if not resolved.is_relative_to(root):
            raise BackendError(Cause.LOAD_FAILED, f"file:{path} leaves FOREBAY_MODELS_DIR")
        return resolved


def digest_of(path: Path) -> str:
    """SHA-256 of a file in hex; reads it once."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _stamp_of(path: Path) -> Stamp | None:
    try:
        return msgspec.json.decode(_stamp_path(path).read_bytes(), type=Stamp)
    except (OSError, msgspec.DecodeError):
        return None


def _stamp_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified")
