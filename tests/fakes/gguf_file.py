"""GGUF files made by hand: heads that say what a test wants, and whole models that llama.cpp loads.

Weights are holes in the file, so that a model takes kilobytes of disk, or small numbers of a seed.
"""

import math
import random
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from backends.weights.ggml import TYPES

_ALIGNMENT = 32
_NUMBERS = {each.name: number for number, each in TYPES.items()}
Tensors = Sequence[tuple[str, tuple[int, ...], str]]


class Shape(Struct, frozen=True, kw_only=True):
    """A small decoder. ``experts`` > 0 makes every feed-forward a mixture of them."""

    architecture: str = "llama"
    layers: int = 2
    hidden: int = 256
    heads: int = 4
    kv_heads: int = 2
    head: int = 64
    feed: int = 512
    vocabulary: int = 512
    experts: int = 0
    experts_used: int = 2
    window: int = 0
    weights: str = "F16"


def write_gguf(path: Path, values: Mapping[str, object], tensors: Tensors) -> Path:
    """A file of version 3 with zeros for weights. Values: int, float, str, and lists of each."""
    head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values)))
    for key, value in values.items():
        head += _text(key) + _value(value)
    offset = 0
    for name, shape, kind in tensors:
        head += _text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", _NUMBERS[kind], offset)
        offset += _padded(TYPES[_NUMBERS[kind]].bytes(math.prod(shape)))
    with path.open("wb") as file:
        file.write(head)
        file.truncate(_padded(len(head)) + offset)
    return path


def write_model(path: Path, shape: Shape, seed: int | None = None) -> Path:
    """A whole model that llama.cpp loads and computes with: of zeros, or of small numbers by ``seed``."""
    tensors = _tensors(shape)
    write_gguf(path, _metadata(shape), tensors)
    if seed is not None:
        _fill(path, tensors, random.Random(seed))
    return path


_SMALL = bytes((byte & 0x83) | 0x28 for byte in range(256))
"""Makes the upper byte of a half float one of 0.03 to 0.06, of either sign."""


def _fill(path: Path, tensors: Tensors, source: random.Random) -> None:
    sizes = [(kind, TYPES[_NUMBERS[kind]].bytes(math.prod(shape))) for _, shape, kind in tensors]
    offset = path.stat().st_size - sum(_padded(size) for _, size in sizes)
    with path.open("r+b") as file:
        for kind, size in sizes:
            data = bytearray(source.randbytes(size) if kind == "F16" else struct.pack("<f", 1.0) * (size // 4))
            if kind == "F16":
                data[1::2] = data[1::2].translate(_SMALL)
            file.seek(offset)
            file.write(data)
            offset += _padded(size)


def _metadata(shape: Shape) -> dict[str, object]:
    name = shape.architecture
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += [f"t{number}" for number in range(len(tokens), shape.vocabulary)]
    values: dict[str, object] = {
        "general.architecture": name,
        f"{name}.context_length": 32768,
        f"{name}.block_count": shape.layers,
        f"{name}.embedding_length": shape.hidden,
        f"{name}.feed_forward_length": shape.feed,
        f"{name}.attention.head_count": shape.heads,
        f"{name}.attention.head_count_kv": shape.kv_heads,
        f"{name}.attention.key_length": shape.head,
        f"{name}.attention.value_length": shape.head,
        f"{name}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{name}.rope.dimension_count": shape.head,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [2, 3, 3, *([6] * 256), *([1] * (len(tokens) - 259))],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }
    if shape.window:
        values[f"{name}.attention.sliding_window"] = shape.window
    if shape.experts:
        values |= {
            f"{name}.expert_count": shape.experts,
            f"{name}.expert_used_count": shape.experts_used,
            f"{name}.expert_feed_forward_length": shape.feed,
        }
    return values


def _tensors(shape: Shape) -> list[tuple[str, tuple[int, ...], str]]:
    inner, outer = shape.heads * shape.head, shape.kv_heads * shape.head
    tensors = [
        ("token_embd.weight", (shape.hidden, shape.vocabulary), shape.weights),
        ("output.weight", (shape.hidden, shape.vocabulary), shape.weights),
        ("output_norm.weight", (shape.hidden,), "F32"),
    ]
    for layer in range(shape.layers):
        parts: list[tuple[str, tuple[int, ...], str]] = [
            ("attn_norm", (shape.hidden,), "F32"),
            ("ffn_norm", (shape.hidden,), "F32"),
            ("attn_q", (shape.hidden, inner), shape.weights),
            ("attn_k", (shape.hidden, outer), shape.weights),
            ("attn_v", (shape.hidden, outer), shape.weights),
            ("attn_output", (inner, shape.hidden), shape.weights),
        ]
        if shape.architecture.startswith(("qwen3", "gemma3")):
            parts += [("attn_q_norm", (shape.head,), "F32"), ("attn_k_norm", (shape.head,), "F32")]
        if shape.architecture == "gemma3":
            parts += [("post_attention_norm", (shape.hidden,), "F32"), ("post_ffw_norm", (shape.hidden,), "F32")]
        parts += _feed_forward(shape)
        tensors += [(f"blk.{layer}.{name}.weight", extents, kind) for name, extents, kind in parts]
    return tensors


def _feed_forward(shape: Shape) -> list[tuple[str, tuple[int, ...], str]]:
    count: tuple[int, ...] = (shape.experts,) if shape.experts else ()
    end = "_exps" if shape.experts else ""
    parts: list[tuple[str, tuple[int, ...], str]] = [
        (f"ffn_gate{end}", (shape.hidden, shape.feed, *count), shape.weights),
        (f"ffn_up{end}", (shape.hidden, shape.feed, *count), shape.weights),
        (f"ffn_down{end}", (shape.feed, shape.hidden, *count), shape.weights),
    ]
    return [("ffn_gate_inp", (shape.hidden, shape.experts), "F32"), *parts] if shape.experts else parts


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: object) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _text(value)
        case float():
            return struct.pack("<If", 6, value)
        case int():
            return struct.pack("<Ii" if value < 0 else "<II", 5 if value < 0 else 4, value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(each) for each in value)
        case [float(), *_]:
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
        case [int(), *_]:
            return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
        case _:
            raise TypeError(f"not for a GGUF file: {value!r}")


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
