"""How many bytes a variant is expected to take: what its profile computes, until it has been measured here.

Measured peaks are kept in a small file of the state directory, keyed by variant and everything the figure depends on.
"""

from pathlib import Path

import msgspec

from gateway.catalog.profile import Variant

_Book = dict[str, int]


class Footprints:
    """Expected device bytes. A missing or damaged file only costs the memory of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._measured: _Book = {}
        try:
            self._measured = msgspec.json.decode(path.read_bytes(), type=_Book)
        except (OSError, msgspec.DecodeError):
            self._measured = {}

    def expected(self, variant_id: str, variant: Variant) -> int:
        """The larger of computed and measured: memory that grows lazily looks small right after a load."""
        return max(variant.footprint.device_bytes, self._measured.get(_key(variant_id, variant), 0))

    def record(self, variant_id: str, variant: Variant, measured: int) -> None:
        """Remembers a measurement that exceeds what was known; written through, atomically."""
        key = _key(variant_id, variant)
        if measured <= self._measured.get(key, 0):
            return
        self._measured[key] = measured
        temporary = self._path.with_suffix(".new")
        try:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(self._measured)))
            temporary.replace(self._path)
        except OSError:
            return  # a full disk must not stop a model from being served


def _key(variant_id: str, variant: Variant) -> str:
    return f"{variant_id}#{hash_of(variant)}"


def hash_of(variant: Variant) -> str:
    """Digest of the engine section: another context or cache type is another footprint."""
    import hashlib

    return hashlib.sha256(msgspec.json.encode(variant.engine)).hexdigest()[:16]
