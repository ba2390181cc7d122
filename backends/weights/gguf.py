"""The head of a GGUF file: metadata and the list of tensors. Reads no weights; 0.1 s where walking values takes 26 s.

Files come from the internet: every count and length is bounded before anything is read for it. Source: the GGUF
specification, versions 2 and 3, little-endian.
"""

import math
import struct
from io import BufferedReader
from pathlib import Path

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.weights.ggml import TensorType, tensor_type

MOST_TENSORS = 100_000
MOST_VALUES = 10_000
MOST_ITEMS = 4_000_000
LONGEST_TEXT = 4 * 1024 * 1024
LONGEST_HEAD = 256 * 1024 * 1024
"""The largest vocabularies take 15 MB; past this the file is not what it says."""
_LONGEST_KEPT = 512
_MOST_DIMENSIONS = 4
_MAGIC = b"GGUF"
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _ARRAY = 8, 9

Value = int | float | bool | str | tuple[int | float | bool, ...]


class Tensor(Struct, frozen=True):
    """``shape`` innermost first."""

    name: str
    shape: tuple[int, ...]
    type: TensorType

    @property
    def bytes(self) -> int:
        return self.type.bytes(math.prod(self.shape))


class GgufHeader(Struct, frozen=True):
    """``values`` leaves out arrays of text and arrays longer than 512; ``counts`` has the length of every array."""

    version: int
    values: dict[str, Value]
    counts: dict[str, int]
    tensors: tuple[Tensor, ...]

    @property
    def weights_bytes(self) -> int:
        """What all tensors take; the file is larger by its head and padding."""
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def expert_bytes(self) -> int:
        """What of it are routed experts, which may stay in host memory."""
        return sum(tensor.bytes for tensor in self.tensors if _is_expert(tensor.name))

    def experts_below(self, layer: int) -> int:
        """What the routed experts of the first ``layer`` layers take."""
        return sum(t.bytes for t in self.tensors if _is_expert(t.name) and 0 <= _layer(t.name) < layer)

    def number(self, key: str, default: int = 0) -> int:
        """An integer of the metadata; ``{arch}`` in ``key`` stands for the architecture."""
        value = self.values.get(key.replace("{arch}", str(self.values.get("general.architecture", ""))))
        return value if isinstance(value, int) and not isinstance(value, bool) else default


def read_header(path: Path) -> GgufHeader:
    """Raises ``BackendError``: ``LOAD_FAILED`` for what is not a sane GGUF file, ``STORAGE`` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return _Reader(file, path.name).header()
    except OSError as error:
        raise BackendError(Cause.STORAGE, f"{path.name} cannot be read", private=str(error)) from None


def _is_expert(name: str) -> bool:
    return "_exps." in name or "_chexps." in name


def _layer(name: str) -> int:
    number = name.removeprefix("blk.").partition(".")[0]
    return int(number) if name.startswith("blk.") and number.isascii() and number.isdigit() else -1


class _Reader:
    def __init__(self, file: BufferedReader, name: str) -> None:
        self._file, self._name = file, name
        self._values: dict[str, Value] = {}
        self._counts: dict[str, int] = {}
        self._left = LONGEST_HEAD

    def header(self) -> GgufHeader:
        if self._take(4) != _MAGIC:
            raise self._bad("is not a GGUF file")
        version = self._integer("<I")
        if version not in (2, 3):
            raise self._bad(f"has GGUF version {version}; 2 and 3 are read")
        tensors = self._count(MOST_TENSORS, "tensors")
        for _ in range(self._count(MOST_VALUES, "metadata values")):
            key = self._text()
            self._read(key, self._integer("<I"))
        return GgufHeader(version, self._values, self._counts, tuple(self._tensor() for _ in range(tensors)))

    def _read(self, key: str, kind: int) -> None:
        if kind == _TEXT:
            self._values[key] = self._text()
        elif kind == _ARRAY:
            self._array(key)
        elif kind in _SCALARS:
            self._values[key] = self._scalar(_SCALARS[kind])
        else:
            raise self._bad(f"has a value of the unknown type {kind}")

    def _array(self, key: str) -> None:
        kind = self._integer("<I")
        count = self._counts[key] = self._count(MOST_ITEMS, "items in an array")
        if kind == _TEXT:
            for _ in range(count):
                self._skip(self._count(LONGEST_TEXT, "bytes in a text"))
        elif kind in _SCALARS:
            layout = _SCALARS[kind]
            data = self._take(count * struct.calcsize(layout))
            if count <= _LONGEST_KEPT:
                self._values[key] = struct.unpack(f"<{count}{layout[1]}", data)
        else:
            raise self._bad("has an array of what is not text or a number")

    def _tensor(self) -> Tensor:
        name = self._text()
        dimensions = self._integer("<I")
        if dimensions > _MOST_DIMENSIONS:
            raise self._bad(f"has a tensor of {dimensions} dimensions")
        shape = tuple(self._count(1 << 40, "weights") for _ in range(dimensions))
        kind = tensor_type(self._integer("<I"))
        self._skip(8)
        return Tensor(name, shape, kind)

    def _count(self, most: int, what: str) -> int:
        count = self._integer("<Q")
        if count > most:
            raise self._bad(f"claims {count} {what}")
        return count

    def _text(self) -> str:
        return self._take(self._count(LONGEST_TEXT, "bytes in a text")).decode("utf-8", "replace")

    def _integer(self, layout: str) -> int:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _scalar(self, layout: str) -> int | float | bool:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _take(self, count: int) -> bytes:
        self._left -= count
        if self._left < 0:
            raise self._bad(f"has a head of more than {LONGEST_HEAD} bytes")
        data = self._file.read(count)
        if len(data) != count:
            raise self._bad("ends within its head")
        return data

    def _skip(self, count: int) -> None:
        if count:
            self._take(count)

    def _bad(self, why: str) -> BackendError:
        return BackendError(Cause.LOAD_FAILED, f"{self._name} {why}")
