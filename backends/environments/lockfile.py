"""Reading hash-pinned lock files, and making one that takes a distribution from a wheel on this disk."""

import hashlib
import re
from pathlib import Path

from msgspec import Struct

from backends.errors import BackendError, Cause

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)")


class Pin(Struct, frozen=True, kw_only=True):
    """One distribution: ``text`` is its whole entry with hashes, on one line."""

    name: str
    version: str
    text: str


class LockFile(Struct, frozen=True, kw_only=True):
    """A lock file: its SHA-256 and its pins in order."""

    path: Path
    sha256: str
    pins: tuple[Pin, ...]

    def pin(self, name: str) -> Pin:
        """The entry of ``name``, however it is spelt. Raises ``BackendError(STORAGE)``."""
        for pin in self.pins:
            if pin.name == normalise(name):
                return pin
        raise BackendError(Cause.STORAGE, f"{self.path.name} does not pin {name}")

    def with_wheel(self, name: str, wheel: Path) -> str:
        """The lock's text with ``name`` taken from ``wheel``, held to the hash that the file has now."""
        taken = f"{normalise(name)} @ {wheel.resolve().as_uri()} --hash=sha256:{sha256_of(wheel)}"
        return "\n".join([taken if pin.name == normalise(name) else pin.text for pin in self.pins]) + "\n"


def read_lock(path: Path) -> LockFile:
    """Parse a lock file made by ``uv pip compile --generate-hashes``. Raises ``BackendError(STORAGE)``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BackendError(
            Cause.STORAGE, f"the lock file {path.name} cannot be read", private=f"{path}: {error}"
        ) from error
    lines = data.decode("utf-8", "replace").replace("\\\n", " ").splitlines()
    entries = [" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    pins: list[Pin] = []
    for entry in entries:
        match = _PIN.match(entry)
        if match is None or "--hash=" not in entry:
            raise BackendError(Cause.STORAGE, f"{path.name}: not an exact pin with a hash: {entry[:80]!r}")
        pins.append(Pin(name=normalise(match["name"]), version=match["version"], text=entry))
    return LockFile(path=path, sha256=hashlib.sha256(data).hexdigest(), pins=tuple(pins))


def normalise(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
