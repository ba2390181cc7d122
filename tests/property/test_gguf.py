"""Whatever bytes a model file has, reading its head ends in numbers or in the declared error, within bounded memory."""

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.weights import gguf, safetensors
from backends.weights.architecture import from_header
from backends.weights.kv import Context, compute_bytes, kv_bytes

_LAYOUTS = {4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def head(*values: bytes, tensors: bytes = b"", count: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, count, len(values)) + b"".join(values) + tensors


@st.composite
def numbers(draw):
    """A number of any type and value, as GGUF writes it, or an array of them."""
    kind = draw(st.sampled_from(sorted(_LAYOUTS)))
    layout = _LAYOUTS[kind]
    bits = st.binary(min_size=struct.calcsize(layout), max_size=struct.calcsize(layout))
    if draw(st.booleans()):
        return struct.pack("<I", kind) + draw(bits)
    items = draw(st.lists(bits, max_size=8))
    return struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items)


_KEYS = [
    "block_count", "embedding_length", "vocab_size", "attention.head_count", "attention.head_count_kv",
    "attention.key_length", "attention.value_length", "attention.sliding_window", "attention.sliding_window_pattern",
    "full_attention_interval", "nextn_predict_layers", "ssm.state_size", "ssm.inner_size", "ssm.conv_kernel",
    "ssm.group_count",
]  # fmt: skip
_SANE = {"block_count": 6, "embedding_length": 64, "attention.head_count": 4}


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("heads") / "model.gguf"


def measure(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        shape = from_header(gguf.read_header(path))
    except BackendError as error:
        assert (error.cause, len(error.detail) < 300) == (Cause.LOAD_FAILED, True)  # noqa: PT017  # either may happen
        return
    assert kv_bytes(shape, Context(tokens=4096, slots=2)) >= 0
    assert compute_bytes(shape, Context(tokens=4096, slots=2)) >= 0


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes(path, data, magic):
    measure(path, b"GGUF" + struct.pack("<I", 3) + data if magic else data)


@given(st.dictionaries(st.sampled_from(_KEYS), numbers(), max_size=6), st.sampled_from([b"x", b"gemma3", b"qwen3next"]))
def test_any_numbers(path, given_numbers, name):
    values = {key: struct.pack("<II", 4, value) for key, value in _SANE.items()} | given_numbers
    written = [text(name + b"." + key.encode()) + value for key, value in values.items()]
    measure(path, head(text(b"general.architecture") + struct.pack("<I", 8) + text(name), *written))


def test_every_cut_is_said(path):
    value = text(b"k") + struct.pack("<IIQ", 9, 4, 3) + struct.pack("<3I", 1, 2, 3)
    tensor = text(b"t") + struct.pack("<IQIQ", 1, 32, 8, 0)
    whole = head(value, tensors=tensor, count=1)
    path.write_bytes(whole)
    assert gguf.read_header(path).weights_bytes == 34
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(BackendError):
            gguf.read_header(path)


def test_a_claim_of_many_layers_takes_no_memory(path):
    numbers = {"block_count": 0xFFFFFFFF, "embedding_length": 64, "attention.head_count": 4}
    values = [text(b"x." + key.encode()) + struct.pack("<II", 4, each) for key, each in numbers.items()]
    path.write_bytes(head(text(b"general.architecture") + struct.pack("<I", 8) + text(b"x"), *values))
    header = gguf.read_header(path)
    tracemalloc.start()
    try:
        with pytest.raises(BackendError, match="how many layers"):
            from_header(header)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_head_without_end_stops_at_the_bound(path, monkeypatch):
    monkeypatch.setattr(gguf, "LONGEST_HEAD", 1 << 20)
    values = [text(b"k%d" % each) + struct.pack("<I", 8) + text(b"v" * 65536) for each in range(20)]
    path.write_bytes(head(*values))
    with pytest.raises(BackendError, match="has a head of more than 1048576 bytes"):
        gguf.read_header(path)


def test_many_extents_are_refused_before_they_are_multiplied(path):
    shape = ",".join(["9007199254740993"] * 50_000).encode()
    data = b'{"a":{"dtype":"F32","shape":[' + shape + b'],"data_offsets":[0,4]}}'
    path.write_bytes(struct.pack("<Q", len(data)) + data)
    with pytest.raises(BackendError, match="not what the format says"):
        safetensors.read_header(path)


@given(st.binary(max_size=120), st.booleans())
def test_any_safetensors(path, data, wrapped):
    body = b'{"a":{"dtype":"' + data + b'","shape":[1],"data_offsets":[0,4]}}' if wrapped else data
    path.write_bytes(struct.pack("<Q", len(body)) + body)
    try:
        assert safetensors.read_header(path).weights_bytes >= 0
    except BackendError as error:
        assert error.cause is Cause.LOAD_FAILED  # noqa: PT017  # either may happen
