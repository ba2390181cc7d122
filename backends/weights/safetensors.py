"""The head of a safetensors file: names, types and sizes of its tensors. Reads no weights."""

import struct
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from backends.errors import BackendError, Cause

LONGEST_HEAD = 100 * 1024 * 1024
_WIDTHS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}
"""Bits by type. Source: the safetensors format."""

_Extent = Annotated[int, Meta(ge=0, le=1 << 40)]


class _Entry(Struct):
    dtype: str
    shape: Annotated[list[_Extent], Meta(max_length=16)]
    data_offsets: tuple[int, int]


class SafetensorsHeader(Struct, frozen=True):
    """Bytes of all tensors by their type."""

    bytes_by_type: dict[str, int]
    tensors: int

    @property
    def weights_bytes(self) -> int:
        return sum(self.bytes_by_type.values())


def read_header(path: Path) -> SafetensorsHeader:
    """Raises ``BackendError``: ``LOAD_FAILED`` for what is not sane, ``STORAGE`` when it cannot be read."""
    try:
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else LONGEST_HEAD + 1
            if length > LONGEST_HEAD:
                raise _bad(path, "is not a safetensors file")
            data = file.read(length)
    except OSError as error:
        raise BackendError(Cause.STORAGE, f"{path.name} cannot be read", private=str(error)) from None
    if len(data) != length:
        raise _bad(path, "ends within its head")
    try:
        raw = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        entries = [msgspec.json.decode(each, type=_Entry) for name, each in raw.items() if name != "__metadata__"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _bad(path, "has a head that is not what the format says") from None
    sizes: dict[str, int] = {}
    for entry in entries:
        sizes[entry.dtype] = sizes.get(entry.dtype, 0) + _size(path, entry)
    return SafetensorsHeader(sizes, len(entries))


def _size(path: Path, entry: _Entry) -> int:
    begin, end = entry.data_offsets
    weights = 1
    for extent in entry.shape:
        weights *= extent
    width = _WIDTHS.get(entry.dtype)
    if width is None or end - begin != (weights * width + 7) // 8:
        raise _bad(path, f"has a tensor of type {entry.dtype[:20]!r} whose size does not fit its shape")
    return end - begin


def _bad(path: Path, why: str) -> BackendError:
    return BackendError(Cause.LOAD_FAILED, f"{path.name} {why}")
