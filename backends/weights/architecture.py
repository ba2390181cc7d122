"""The shape of a language model as far as its memory depends on it. Data; from a GGUF head, or as published."""

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.weights.gguf import GgufHeader


class Attention(Struct, frozen=True, kw_only=True):
    """One kind of layer with a cache: ``layers`` of it. ``window`` in tokens, 0 for the whole context."""

    layers: int
    kv_heads: int
    key: int
    value: int
    window: int = 0


class Architecture(Struct, frozen=True, kw_only=True):
    """``recurrent_bytes`` is the state of one sequence in layers without a cache (f32)."""

    name: str
    vocabulary: int
    embedding: int
    attention: tuple[Attention, ...]
    recurrent_bytes: int = 0


def from_header(header: GgufHeader) -> Architecture:
    """What a GGUF file says of itself. Raises ``BackendError(LOAD_FAILED)`` where the formulas do not hold (MLA)."""
    name = str(header.values.get("general.architecture", ""))
    if header.number("{arch}.attention.kv_lora_rank") or header.number("{arch}.ssm.state_size"):
        raise BackendError(Cause.LOAD_FAILED, f"the cache of architecture {name!r} is not computed from its head")
    layers, heads = header.number("{arch}.block_count"), header.number("{arch}.attention.head_count")
    embedding = header.number("{arch}.embedding_length")
    if not layers or not heads or not embedding:
        raise BackendError(Cause.LOAD_FAILED, "the file does not say how many layers and heads its model has")
    key = header.number("{arch}.attention.key_length", embedding // heads)
    value = header.number("{arch}.attention.value_length", embedding // heads)
    vocabulary = header.counts.get("tokenizer.ggml.tokens", 0) or header.number("{arch}.vocab_size")
    window = header.number("{arch}.attention.sliding_window")
    every = _full_every(header, name) if window else 0
    counted: dict[tuple[int, int], int] = {}
    for layer, kv_heads in enumerate(_kv_heads(header, layers, heads)):
        full = not window or (every and (layer + 1) % every == 0)
        place = (kv_heads, 0 if full else window)
        counted[place] = counted.get(place, 0) + 1
    attention = tuple(
        Attention(layers=count, kv_heads=kv_heads, key=key, value=value, window=width)
        for (kv_heads, width), count in counted.items()
        if kv_heads
    )
    return Architecture(name=name, vocabulary=vocabulary, embedding=embedding, attention=attention)


_FULL_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4}
"""Every n-th layer sees the whole context. Source: llama.cpp's hyperparameters by architecture."""


def _full_every(header: GgufHeader, name: str) -> int:
    return header.number("{arch}.attention.sliding_window_pattern") or _FULL_EVERY.get(name, 0)


def _kv_heads(header: GgufHeader, layers: int, heads: int) -> tuple[int, ...]:
    value = header.values.get(f"{header.values.get('general.architecture', '')}.attention.head_count_kv")
    if isinstance(value, tuple):
        return tuple(int(each) for each in value[:layers])
    return (header.number("{arch}.attention.head_count_kv", heads),) * layers
