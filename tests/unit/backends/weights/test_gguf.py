"""Heads of GGUF files: honest ones to the byte, dishonest ones in words."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.weights.architecture import Attention, from_header
from backends.weights.gguf import read_header
from backends.weights.kv import Context, compute_bytes, kv_bytes
from tests.llama_cpp_fixtures import smollm2
from tools.published_texts import MODELS

KINDS = {int: 4, float: 6, bool: 7, str: 8, list: 9}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(given) -> bytes:
    match given:
        case bool():
            return struct.pack("<?", given)
        case str():
            return text(given)
        case list():
            kind = KINDS[type(given[0])]
            return struct.pack("<IQ", kind, len(given)) + b"".join(value(each) for each in given)
        case float():
            return struct.pack("<f", given)
        case _:
            return struct.pack("<I", given)


def gguf(values: dict, tensors: list[tuple[str, tuple[int, ...], int]], version: int = 3) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    for key, each in values.items():
        head += text(key) + struct.pack("<I", KINDS[type(each)]) + value(each)
    for name, shape, kind in tensors:
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", kind, 0)
    return head


GEMMA = {
    "general.architecture": "gemma3",
    "gemma3.block_count": 12,
    "gemma3.embedding_length": 640,
    "gemma3.attention.head_count": 4,
    "gemma3.attention.head_count_kv": 1,
    "gemma3.attention.key_length": 256,
    "gemma3.attention.value_length": 256,
    "gemma3.attention.sliding_window": 512,
    "tokenizer.ggml.tokens": ["a", "b", "c"],
    "tokenizer.ggml.scores": [0.5] * 600,
    "general.flag": True,
}


@pytest.fixture
def file(tmp_path):
    def write(data: bytes):
        path = tmp_path / "model.gguf"
        path.write_bytes(data)
        return path

    return write


def test_a_real_file_to_the_byte():
    header = read_header(smollm2())
    assert header.weights_bytes == 96_576_768  # 92.10 MiB, as llama.cpp prints
    shape = from_header(header)
    assert shape.attention == (Attention(layers=30, kv_heads=3, key=64, value=64),)
    assert shape.vocabulary == 49152
    assert (shape.queries, shape.feed, shape.experts_used) == (576, 1536, 0)
    context = Context(tokens=8192, slots=4)
    assert kv_bytes(shape, context) == 180 * 2**20  # as llama.cpp prints
    assert abs(compute_bytes(shape, context) - (21.51 + 0.75) * 2**20) < 0.1 * 2**20


def test_values_and_tensors(file):
    tensors = [("blk.0.ffn_up_exps.weight", (256, 4, 8), 12), ("norm", (10,), 0), ("half", (32, 2), 8)]
    header = read_header(file(gguf(GEMMA, tensors)))
    assert header.values["general.flag"] is True
    assert header.counts == {"tokenizer.ggml.tokens": 3, "tokenizer.ggml.scores": 600}
    assert "tokenizer.ggml.scores" not in header.values
    assert [tensor.bytes for tensor in header.tensors] == [32 * 144, 40, 68]
    assert header.weights_bytes == 32 * 144 + 40 + 68
    assert header.expert_bytes == header.experts_below(1) == 32 * 144
    assert header.experts_below(0) == 0
    assert header.number("{arch}.block_count") == 12
    assert header.number("general.flag", 7) == 7


def test_sliding_windows(file):
    shape = from_header(read_header(file(gguf(GEMMA, []))))
    assert shape.attention == (
        Attention(layers=10, kv_heads=1, key=256, value=256, window=512),
        Attention(layers=2, kv_heads=1, key=256, value=256),
    )


def test_heads_that_differ_by_layer(file):
    values = {
        "general.architecture": "x",
        "x.block_count": 4,
        "x.embedding_length": 64,
        "x.attention.head_count": 2,
        "x.attention.head_count_kv": [2, 0, 2, 0],
        "x.vocab_size": 9,
    }
    shape = from_header(read_header(file(gguf(values, []))))
    assert shape.attention == (Attention(layers=2, kv_heads=2, key=32, value=32),)
    assert shape.vocabulary == 9


@pytest.mark.parametrize("key", ["gemma3.attention.kv_lora_rank", "gemma3.ssm.state_size"])
def test_what_the_formulas_do_not_cover_is_said(file, key):
    with pytest.raises(BackendError, match="not computed"):
        from_header(read_header(file(gguf(GEMMA | {key: 4}, []))))


def test_a_hybrid_has_a_cache_in_every_fourth_layer_and_the_published_state(file):
    values = {
        "general.architecture": "qwen3next",
        "qwen3next.block_count": 48,
        "qwen3next.embedding_length": 2048,
        "qwen3next.attention.head_count": 16,
        "qwen3next.attention.head_count_kv": 2,
        "qwen3next.attention.key_length": 256,
        "qwen3next.attention.value_length": 256,
        "qwen3next.ssm.state_size": 128,
        "qwen3next.ssm.inner_size": 4096,
        "qwen3next.ssm.conv_kernel": 4,
        "qwen3next.ssm.group_count": 16,
        "qwen3next.vocab_size": 151936,
        "qwen3next.feed_forward_length": 5120,
        "qwen3next.expert_count": 512,
        "qwen3next.expert_used_count": 10,
        "qwen3next.expert_feed_forward_length": 512,
    }
    said = from_header(read_header(file(gguf(values, []))))
    assert said == MODELS["qwen3-coder-next"].architecture("qwen3next")
    halved = from_header(read_header(file(gguf(values | {"qwen3next.full_attention_interval": 2}, []))))
    assert halved.attention[0].layers == 24


def test_layers_that_only_predict_have_no_cache(file):
    values = {key.replace("gemma3", "glm4moe"): each for key, each in GEMMA.items() if "sliding" not in key}
    values |= {"general.architecture": "glm4moe", "glm4moe.nextn_predict_layers": 1}
    assert from_header(read_header(file(gguf(values, [])))).attention[0].layers == 11


@pytest.mark.parametrize("heads", [[2, 2], [float("nan")] * 12, [True]])
def test_heads_by_layer_that_are_no_list_of_numbers(file, heads):
    with pytest.raises(BackendError, match="each layer"):
        from_header(read_header(file(gguf(GEMMA | {"gemma3.attention.head_count_kv": heads}, []))))


def test_a_head_that_says_too_little(file):
    with pytest.raises(BackendError, match="does not say"):
        from_header(read_header(file(gguf({"general.architecture": "x"}, []))))


HUGE = struct.pack("<Q", 1 << 60)
HOSTILE = {
    "another file": b"PK\x03\x04" + b"\0" * 40,
    "empty": b"",
    "version 1": gguf({}, [], version=1),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "tensors without end": b"GGUF" + struct.pack("<I", 3) + HUGE + struct.pack("<Q", 0),
    "values without end": b"GGUF" + struct.pack("<IQ", 3, 0) + HUGE,
    "a key without end": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + HUGE,
    "an array without end": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<II", 9, 4) + HUGE,
    "arrays in arrays": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
    "an unknown value": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 99),
    "an unknown tensor": gguf({}, [("t", (32,), 99)]),
    "a tensor of many dimensions": gguf({}, [("t", (1,) * 9, 0)]),
    "a tensor without end": gguf({}, [("t", (1 << 50,), 0)]),
    "cut off": gguf(GEMMA, [("t", (32,), 0)])[:-5],
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files(file, data):
    with pytest.raises(BackendError) as caught:
        read_header(file(data))
    assert caught.value.cause is Cause.LOAD_FAILED
    assert "/" not in caught.value.detail


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BackendError) as caught:
        read_header(tmp_path / "none.gguf")
    assert caught.value.cause is Cause.STORAGE


@given(st.data())
def test_any_damage_is_a_sentence_or_nothing(tmp_path_factory, data):
    whole = bytearray(gguf(GEMMA, [("t", (32,), 8)]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        from_header(read_header(path))
    except BackendError as error:
        assert error.cause is Cause.LOAD_FAILED  # noqa: PT017  # either may happen
