"""The memory of a vLLM server besides its weights: caches of sequences, and what its work takes on each card. Pure.

The cache is told to vLLM in bytes, so what is computed here is what it gets. The rest is an estimate: the widest step
of a forward pass, the sampler's rows, the recorded graphs and what a process holds before it has done anything.
"""

from msgspec import Struct

from backends.vllm.args import VllmArgs
from backends.vllm.parallel import parallel_of
from backends.weights.architecture import Architecture, Attention
from backends.weights.term import Term, total

SHARED_TOKENS = 2048
"""What a request takes of the cache on average: every slot but one has that many tokens, and one has all it may."""
BATCH_TOKENS = 8192
"""vLLM's own choice of a step on large cards; on small ones it takes fewer."""
SERVER_BYTES = 1_300_000_000
"""Host RAM of the two processes that compute nothing, measured with vLLM 0.32: 0.65 GB and 0.62 GB."""
WORKER_BYTES = 2_000_000_000
"""Host RAM of the process of one card, measured without a card as 1.7 GB, and its pinned buffers."""
_PROCESS = 1_000_000_000
"""CUDA context, libraries' kernels and the attention backend's workspace (394 MiB in FlashInfer)."""
_EXCHANGE = 1_000_000_000
"""Buffers of NCCL and of the custom all-reduce, where a card has neighbours."""
_GRAPH_LAYER = 256 * 1024
"""Of one recorded batch size and layer: 67 sizes of a model with 32 layers are reported as half a GiB."""
_MOST_GRAPH = 512
_LOGITS = 20
"""Bytes of a word in a row of the sampler: scores, probabilities and sorted scores in 4 bytes each, places in 8."""
_BLOCK = 16


class Sight(Struct, frozen=True, kw_only=True):
    """The part of a model that sees: ``patches`` of the largest picture, and how wide it is."""

    patches: int
    hidden: int
    feed: int


class Model(Struct, frozen=True, kw_only=True):
    """``depth`` counts layers of every kind, also those without a cache."""

    architecture: Architecture
    depth: int
    sight: Sight | None = None


def cache_terms(model: Model, args: VllmArgs, cards: int) -> tuple[Term, ...]:
    """The caches of all cards together: one request as long as it may be, the others of ordinary length.

    A card holds whole heads at least: where there are fewer of them than cards, several hold the same. The latent of
    MLA is one head, so every card has all of it.
    """
    tensor = parallel_of(args, cards).tensor
    longest = args.request_tokens or SHARED_TOKENS
    size = 1 if args.cache_dtype.startswith("fp8") else 2
    shape = model.architecture
    rarest = min(each.layers for each in shape.attention)
    terms: list[Term] = []
    for layers in shape.attention:
        usual = _held(min(longest, SHARED_TOKENS), layers, args)
        tokens = _held(longest, layers, args) + (args.slots - 1) * usual
        copies = max(1, tensor // layers.kv_heads)
        depth = _grouped(layers.layers, rarest)
        each = layers.kv_heads * (layers.key + layers.value) * size
        label = f"KV cache, window of {layers.window}" if layers.window else "KV cache"
        words = f"{depth} layers x {tokens} tokens x {each} B{f' x {copies} copies' if copies > 1 else ''}"
        terms.append(Term(label, words, depth * tokens * each * copies))
    if shape.recurrent_bytes:
        # Two for each request: where a shared beginning ends, its state is kept.
        states = args.slots * (2 if args.prefix_caching else 1)
        words = f"{states} x {shape.recurrent_bytes} B"
        terms.append(Term("recurrent state", words, states * shape.recurrent_bytes))
    return tuple(terms)


def compute_terms(model: Model, args: VllmArgs) -> tuple[Term, ...]:
    """What every card takes for itself. Widths count whole: on fewer cards than may be, each has more of them. What a
    card needs for its neighbours is the scheduler's affair.
    """
    batch, sizes = args.batch_tokens or BATCH_TOKENS, 0 if args.eager else _graphs(args.slots)
    shape, sight = model.architecture, model.sight
    wide = 4 * shape.embedding + max(4 * shape.queries, _feed_forward(shape))
    terms = [
        Term("device context", "process, kernels, workspaces", _PROCESS),
        Term("activations", f"{batch} tokens x {wide} x 2 B", batch * wide * 2),
        Term("logits", f"{args.slots} rows x {shape.vocabulary} words x {_LOGITS} B",
             args.slots * shape.vocabulary * _LOGITS),
    ]  # fmt: skip
    if sizes:
        words = f"{sizes} batch sizes x {model.depth} layers x {_GRAPH_LAYER} B"
        terms.append(Term("graphs", words, sizes * model.depth * _GRAPH_LAYER))
    if sight is not None and args.images:
        width = 8 * sight.hidden + 2 * sight.feed
        words = f"{args.images} x {sight.patches} patches x {width} x 2 B"
        terms.append(Term("pictures", words, args.images * sight.patches * width * 2))
    return tuple(terms)


def cache_bytes(model: Model, args: VllmArgs, cards: int) -> int:
    """Bytes of the caches of all cards together; what vLLM is told, divided by the cards."""
    return total(cache_terms(model, args, cards))


def compute_bytes(model: Model, args: VllmArgs) -> int:
    """Bytes on each card besides weights and caches."""
    return total(compute_terms(model, args))


def asleep_bytes(model: Model, args: VllmArgs, cards: int) -> int:
    """What a sleeping server keeps on each of its cards: everything that is not weights, caches or a step's work."""
    kept = sum(term.bytes for term in compute_terms(model, args) if term.label in ("device context", "graphs"))
    return kept + (_EXCHANGE if cards > 1 else 0)


def host_bytes(cards: int) -> int:
    """Host RAM of all its processes."""
    return SERVER_BYTES + WORKER_BYTES * cards


def _held(tokens: int, layers: Attention, args: VllmArgs) -> int:
    """Of a request's tokens those that such layers keep, in whole blocks."""
    kept = tokens
    if layers.window:
        # While a step is computed the next one is made ready, and neither gives anything back before it is over.
        steps = (args.pipeline + 1) * (args.batch_tokens or BATCH_TOKENS)
        kept = min(tokens, layers.window - 1 + steps) + _BLOCK
    return -(-kept // _BLOCK) * _BLOCK


def _grouped(layers: int, full: int) -> int:
    """vLLM gives memory to groups of equally many layers, as many as of the rarest kind; the last one is filled up."""
    return -(-layers // full) * full


def _feed_forward(model: Architecture) -> int:
    """Values a token, live at once: gate, up and their product; of experts also what each of them answers."""
    return 3 * model.feed + model.experts_used * model.embedding


def _graphs(slots: int) -> int:
    """Batch sizes that are recorded: 1, 2, 4, then every eighth, from 256 every sixteenth."""
    most = min(2 * slots, _MOST_GRAPH)
    return sum(1 for size in (1, 2, 4, *range(8, 256, 8), *range(256, most + 1, 16)) if size <= most)
