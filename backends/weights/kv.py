"""The memory of a llama.cpp context besides the weights: cache and computation. Pure.

Formulas checked against llama.cpp's own log to the byte for the cache and to a few MiB for the rest.
"""

from backends.weights.architecture import Architecture, Attention

_PAD = 256
_CACHE = {"f16": (1, 2), "q8_0": (32, 34), "q4_0": (32, 18)}
_FIXED_COMPUTE = 1024 * 1024


def kv_bytes(
    model: Architecture,
    context_tokens: int,
    slots: int,
    *,
    batch_tokens: int = 512,
    cache_k: str = "f16",
    cache_v: str = "f16",
) -> int:
    """Bytes of the cache for ``context_tokens`` over all ``slots``, unified, sliding windows kept small."""
    total = model.recurrent_bytes * slots
    for layers in model.attention:
        cells = _cells(layers, context_tokens, slots, batch_tokens)
        total += layers.layers * layers.kv_heads * cells * (_row(layers.key, cache_k) + _row(layers.value, cache_v))
    return total


def compute_bytes(model: Architecture, slots: int, *, batch_tokens: int = 512) -> int:
    """Bytes of the scratch and output buffers, which the logits dominate."""
    return (batch_tokens + slots) * model.vocabulary * 4 + batch_tokens * model.embedding * 4 + _FIXED_COMPUTE


def _cells(layers: Attention, context_tokens: int, slots: int, batch_tokens: int) -> int:
    whole = _padded(context_tokens)
    return whole if not layers.window else min(whole, _padded(layers.window * slots + batch_tokens))


def _padded(tokens: int) -> int:
    return -(-tokens // _PAD) * _PAD


def _row(width: int, cache: str) -> int:
    block, size = _CACHE[cache]
    return width // block * size
