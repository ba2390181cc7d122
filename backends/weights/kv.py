"""The memory of a llama.cpp context besides the weights: cache and computation. Pure.

The cache is what llama.cpp's own log says, to the byte. The scratch buffer is what its graph allocator leaves live at
the widest point of one step: within 1 MiB for dense models, with windows and with experts, 3 % of the whole.
"""

from msgspec import Struct

from backends.weights.architecture import Architecture, Attention
from backends.weights.term import Term, total

_PAD = 256
_CACHE = {"f16": (1, 2), "q8_0": (32, 34), "q4_0": (32, 18)}
_FIXED = 64 * 1024


class Context(Struct, frozen=True, kw_only=True):
    """What an engine asks llama.cpp for. ``tokens`` over all ``slots``; ``outputs`` rows of logits a step at most.

    ``unified``: all slots share one cache, else each has its part of it. ``pooled``: hidden states are given out too.
    """

    tokens: int
    slots: int = 1
    batch: int = 512
    cache_k: str = "f16"
    cache_v: str = "f16"
    outputs: int = 32
    unified: bool = True
    pooled: bool = False

    @property
    def streams(self) -> int:
        return 1 if self.unified else self.slots


def kv_terms(model: Architecture, context: Context) -> tuple[Term, ...]:
    """The cache, a term for each kind of layer; windows are kept small."""
    terms: list[Term] = []
    for layers in model.attention:
        cells = _cells(layers, context)
        row = _row(layers.key, context.cache_k) + _row(layers.value, context.cache_v)
        size = layers.layers * layers.kv_heads * cells * row
        label = f"KV cache, window of {layers.window}" if layers.window else "KV cache"
        formula = f"{layers.layers} layers x {cells} cells x {layers.kv_heads} heads x {_words(layers, context)}"
        terms.append(Term(label, formula, size))
    if model.recurrent_bytes:
        formula = f"{context.slots} slots x {model.recurrent_bytes} B"
        terms.append(Term("recurrent state", formula, model.recurrent_bytes * context.slots))
    return tuple(terms)


def compute_terms(model: Architecture, context: Context) -> tuple[Term, ...]:
    """The scratch buffer and the output buffer."""
    batch = max(context.batch, context.slots)
    wide, words = max(_feed_forward(model), _attention(model))
    seen = sum({layers.window: _cells(layers, context) // context.streams for layers in model.attention}.values())
    mask = seen * batch * 2
    given = model.embedding * (2 if context.pooled else 0 if context.unified else 1)
    step = batch * (wide + given) * 4 + mask
    rows = context.outputs
    logits = rows * (model.vocabulary + model.embedding) * 4 + batch * model.embedding * 4
    if context.pooled:
        logits += mask + batch * 3 * model.embedding * 4
    if logits > step:
        scratch = Term(
            "scratch", f"{rows} rows x {model.vocabulary} words x 4 B and the states beside", logits + _FIXED
        )
    else:
        mask_words = f"{batch} x {seen} cells x 2 B of mask"
        formula = f"{batch} tokens x ({words}{f' + {given}' if given else ''}) x 4 B + {mask_words}"
        scratch = Term("scratch", formula, step + _FIXED)
    rows = context.slots
    return (scratch, Term("output", f"{rows} rows x {model.vocabulary} words x 4 B", rows * model.vocabulary * 4))


def kv_bytes(model: Architecture, context: Context) -> int:
    """Bytes of the cache."""
    return total(kv_terms(model, context))


def compute_bytes(model: Architecture, context: Context) -> int:
    """Bytes of the scratch and output buffers."""
    return total(compute_terms(model, context))


def _feed_forward(model: Architecture) -> tuple[int, str]:
    """(values a token that are live at once, in words) while the feed-forward part computes."""
    # Where the feed-forward part is wider than the queries, it cannot take their place in the buffer.
    beside = model.queries if model.queries < model.feed else 0
    dense = 3 * model.feed + 3 * model.embedding + beside
    routed = 2 * model.experts_used * model.embedding + model.embedding + model.queries if model.experts_used else 0
    if routed > dense:
        used = model.experts_used
        return routed, f"2 x {used} experts x {model.embedding} + {model.embedding} + {model.queries}"
    return dense, f"3 x {model.feed} + 3 x {model.embedding}{f' + {beside}' if beside else ''}"


def _attention(model: Architecture) -> tuple[int, str]:
    return 3 * model.queries + model.embedding, f"3 x {model.queries} + {model.embedding}"


def _cells(layers: Attention, context: Context) -> int:
    whole = _padded(-(-context.tokens // context.streams))
    if layers.window:
        sharing = context.slots if context.unified else 1
        whole = min(whole, _padded(layers.window * sharing + context.batch))
    return whole * context.streams


def _padded(tokens: int) -> int:
    return -(-tokens // _PAD) * _PAD


def _row(width: int, cache: str) -> int:
    block, size = _CACHE[cache]
    return width // block * size


def _words(layers: Attention, context: Context) -> str:
    if context.cache_k == context.cache_v:
        return f"({layers.key}+{layers.value}) x {_each(context.cache_k)} B ({context.cache_k})"
    key, value = _each(context.cache_k), _each(context.cache_v)
    return f"({layers.key} x {key} B ({context.cache_k}) + {layers.value} x {value} B ({context.cache_v}))"


def _each(cache: str) -> str:
    block, size = _CACHE[cache]
    return f"{size / block:g}"
