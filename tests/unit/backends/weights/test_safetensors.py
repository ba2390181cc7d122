"""Heads of safetensors files."""

import json
import struct

import pytest

from backends.errors import BackendError, Cause
from backends.weights.safetensors import read_header


def safetensors(entries: object) -> bytes:
    data = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(data)) + data


def entry(dtype: str, shape: list[int], size: int) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [8, 8 + size]}


@pytest.fixture
def file(tmp_path):
    def write(data: bytes):
        path = tmp_path / "model.safetensors"
        path.write_bytes(data)
        return path

    return write


def test_bytes_by_type(file):
    entries = {
        "__metadata__": {"format": "pt"},
        "a": entry("BF16", [4, 8], 64),
        "b": entry("F32", [], 4),
        "c": entry("F8_E4M3", [3], 3),
        "d": entry("F4", [6], 3),
        "e": entry("BF16", [1], 2),
    }
    header = read_header(file(safetensors(entries)))
    assert header.bytes_by_type == {"BF16": 66, "F32": 4, "F8_E4M3": 3, "F4": 3}
    assert (header.weights_bytes, header.tensors) == (76, 5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGUF" + b"\xff" * 20,
        struct.pack("<Q", 50) + b"{}",
        safetensors([1]),
        safetensors(b"{" * 100_000),
        safetensors({"a": {"dtype": "F32"}}),
        safetensors({"a": entry("F32", [4], 3)}),
        safetensors({"a": entry("F99", [4], 4)}),
        safetensors({"a": entry("F32", [-1, -4], 16)}),
    ],
)
def test_hostile_files(file, data):
    with pytest.raises(BackendError) as caught:
        read_header(file(data))
    assert caught.value.cause is Cause.LOAD_FAILED


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BackendError) as caught:
        read_header(tmp_path / "none.safetensors")
    assert caught.value.cause is Cause.STORAGE
