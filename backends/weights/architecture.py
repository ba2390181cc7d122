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
    """``recurrent_bytes`` is the state of one sequence in layers without a cache (f32).

    ``queries`` is the width of all query heads, ``feed`` that of the feed-forward part: of all experts that a token
    uses when there are any; ``experts_used`` is 0 in dense models.
    """

    name: str
    vocabulary: int
    embedding: int
    attention: tuple[Attention, ...]
    recurrent_bytes: int = 0
    queries: int = 0
    feed: int = 0
    experts_used: int = 0


_MOST_LAYERS = 4096


def from_header(header: GgufHeader) -> Architecture:
    """What a GGUF file says of itself. Raises ``BackendError(LOAD_FAILED)`` where the formulas do not hold (MLA)."""
    name = str(header.values.get("general.architecture", ""))
    interval = _recurrent_interval(header, name)
    if header.number("{arch}.attention.kv_lora_rank") or (header.number("{arch}.ssm.state_size") and not interval):
        raise BackendError(Cause.LOAD_FAILED, f"the cache of architecture {name[:40]!r} is not computed from its head")
    layers, heads = header.number("{arch}.block_count"), header.number("{arch}.attention.head_count")
    layers -= header.number("{arch}.nextn_predict_layers")
    embedding = header.number("{arch}.embedding_length")
    if not 0 < layers <= _MOST_LAYERS or heads <= 0 or embedding <= 0:
        raise BackendError(Cause.LOAD_FAILED, "the file does not say how many layers and heads its model has")
    key = header.number("{arch}.attention.key_length", embedding // heads)
    value = header.number("{arch}.attention.value_length", embedding // heads)
    vocabulary = header.counts.get("tokenizer.ggml.tokens", 0) or header.number("{arch}.vocab_size")
    window = header.number("{arch}.attention.sliding_window")
    every = _full_every(header, name) if window else 0
    counted: dict[tuple[int, int], int] = {}
    for layer, kv_heads in enumerate(_kv_heads(header, layers, heads)):
        if interval and (layer + 1) % interval:
            continue
        full = not window or (every and (layer + 1) % every == 0)
        place = (kv_heads, 0 if full else window)
        counted[place] = counted.get(place, 0) + 1
    used = header.number("{arch}.expert_used_count") if header.number("{arch}.expert_count") else 0
    feed = _feed(header, used)
    if min(key, value, vocabulary, window, feed, used, *(kv_heads for kv_heads, _ in counted)) < 0:
        raise BackendError(Cause.LOAD_FAILED, "the file has negative sizes")
    attention = tuple(
        Attention(layers=count, kv_heads=kv_heads, key=key, value=value, window=width)
        for (kv_heads, width), count in counted.items()
        if kv_heads
    )
    recurrent = layers - layers // interval if interval else 0
    return Architecture(
        name=name,
        vocabulary=vocabulary,
        embedding=embedding,
        attention=attention,
        recurrent_bytes=recurrent * _state_bytes(header),
        queries=heads * key,
        feed=feed,
        experts_used=used,
    )


_FULL_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4}
"""Every n-th layer sees the whole context. Source: llama.cpp's hyperparameters by architecture."""

_RECURRENT_INTERVAL = {"qwen3next": 4}
"""Every n-th layer has a cache, the others a gated delta state, where the file does not say so itself."""


def _feed(header: GgufHeader, used: int) -> int:
    value = header.values.get(f"{header.values.get('general.architecture', '')}.feed_forward_length")
    dense = max(value) if isinstance(value, tuple) else value  # a few models have a width for each layer
    dense = dense if isinstance(dense, int) else 0
    return used * header.number("{arch}.expert_feed_forward_length", dense) if used else dense


def _full_every(header: GgufHeader, name: str) -> int:
    return header.number("{arch}.attention.sliding_window_pattern") or _FULL_EVERY.get(name, 0)


def _recurrent_interval(header: GgufHeader, name: str) -> int:
    return max(0, header.number("{arch}.full_attention_interval", _RECURRENT_INTERVAL.get(name, 0)))


def _state_bytes(header: GgufHeader) -> int:
    """One layer's state of one sequence: the delta rule's matrix and the convolution's tail, f32."""
    size, inner = header.number("{arch}.ssm.state_size"), header.number("{arch}.ssm.inner_size")
    tail = header.number("{arch}.ssm.conv_kernel", 1) - 1
    states = size * inner + tail * (inner + 2 * header.number("{arch}.ssm.group_count") * size)
    if min(size, inner, tail, states) < 0:
        raise BackendError(Cause.LOAD_FAILED, "the file has negative sizes")
    return 4 * states


def _kv_heads(header: GgufHeader, layers: int, heads: int) -> tuple[int, ...]:
    value = header.values.get(f"{header.values.get('general.architecture', '')}.attention.head_count_kv")
    if isinstance(value, tuple):
        whole = tuple(each for each in value[:layers] if isinstance(each, int))
        if len(whole) != layers:
            raise BackendError(Cause.LOAD_FAILED, "the file does not say how many heads each layer has")
        return whole
    return (header.number("{arch}.attention.head_count_kv", heads),) * layers
