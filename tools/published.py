"""Language models as their makers published them (``config.json``), as tensors and as architectures. Data and sums.

From these and llama.cpp's recipe the sizes in ``model_profiles/llm`` are computed: no weights have to be fetched.
"""

from msgspec import Struct

from backends.weights.architecture import Architecture, Attention
from backends.weights.quantise import Part, Recipe


class Published(Struct, frozen=True, kw_only=True):
    """A decoder. ``dense`` layers come first where there are experts; ``extra`` layers lie in the file and do not run.

    ``full_every``: every n-th layer sees the whole context, the others ``window`` tokens (0: no cache at all, but a
    recurrent state of ``state`` bytes and ``linear`` weights). ``fused``: q, k and v in one tensor, gate and up too.
    Without ``gated`` the dense feed-forward is two matrices and not three. A token uses ``used`` of the ``experts``.
    """

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    feed: int = 0
    tied: bool = False
    fused: bool = False
    gated: bool = True
    gated_query: bool = False
    norms: int = 2
    query_norms: bool = False
    biases: bool = False
    experts: int = 0
    used: int = 0
    expert_feed: int = 0
    shared_feed: int = 0
    dense: int = 0
    extra: int = 0
    window: int = 0
    full_every: int = 1
    linear: tuple[tuple[int, int], ...] = ()
    state: int = 0

    def architecture(self, name: str) -> Architecture:
        """What the cache depends on."""
        full = self.layers // self.full_every
        common = {"kv_heads": self.kv_heads, "key": self.head, "value": self.head}
        attention = [Attention(layers=full, **common)]
        if full < self.layers and not self.linear:
            attention.append(Attention(layers=self.layers - full, window=self.window, **common))
        state = self.state * (self.layers - full) if self.linear else 0
        return Architecture(
            name=name,
            vocabulary=self.vocabulary,
            embedding=self.hidden,
            attention=tuple(attention),
            recurrent_bytes=state,
            queries=self.heads * self.head,
            feed=max(self.feed, self.used * self.expert_feed),
            experts_used=self.used,
        )

    def parts(self) -> list[Part]:
        """All tensors of the file."""
        depth = self.layers + self.extra
        every = tuple(range(depth))
        routed = every[self.dense :] if self.experts else ()
        parts = [
            Part(role="embedding", shape=(self.hidden, self.vocabulary), tied=self.tied),
            Part(role="norm", shape=(self.hidden,)),
            *(Part(role="norm", shape=(self.hidden,), layers=every) for _ in range(self.norms)),
            *self._attention(every, depth),
            *self._feed_forward(tuple(layer for layer in every if layer not in routed), depth),
        ]
        if not self.tied:
            parts.append(Part(role="output", shape=(self.hidden, self.vocabulary)))
        if self.query_norms:
            parts += [Part(role="norm", shape=(self.head,), layers=every)] * 2
        if routed:
            parts += self._experts(routed, depth)
        return parts

    def bytes(self, recipe: Recipe) -> int:
        """Bytes of all tensors of a file made by ``recipe``."""
        return sum(part.bytes(recipe) for part in self.parts())

    def expert_bytes(self, recipe: Recipe) -> int:
        """What of it are routed experts."""
        return sum(part.bytes(recipe) for part in self.parts() if part.routed)

    def _attention(self, every: tuple[int, ...], depth: int) -> list[Part]:
        full = tuple(layer for layer in every if not self.linear or (layer + 1) % self.full_every == 0)
        inner, outer = self.heads * self.head, self.kv_heads * self.head
        queries = inner * 2 if self.gated_query else inner
        parts = [Part(role="other", shape=(inner, self.hidden), layers=full)]
        if self.fused:
            parts.append(Part(role="attn_qkv", shape=(self.hidden, inner + 2 * outer), layers=full, depth=depth))
        else:
            parts += [
                Part(role="other", shape=(self.hidden, queries), layers=full),
                Part(role="other", shape=(self.hidden, outer), layers=full),
                Part(role="attn_v", shape=(self.hidden, outer), layers=full, depth=depth),
            ]
        if self.biases:
            parts.append(Part(role="norm", shape=(inner + 2 * outer,), layers=full))
        rest = tuple(layer for layer in every if layer not in full)
        return parts + [Part(role="other", shape=shape, layers=rest) for shape in self.linear if rest]

    def _feed_forward(self, layers: tuple[int, ...], depth: int) -> list[Part]:
        if not layers:
            return []
        up = Part(role="other", shape=(self.hidden, self.feed), layers=layers)
        down = Part(role="ffn_down", shape=(self.feed, self.hidden), layers=layers, depth=depth)
        return [up, up, down] if self.gated else [up, down]

    def _experts(self, layers: tuple[int, ...], depth: int) -> list[Part]:
        up = Part(role="other", shape=(self.hidden, self.expert_feed, self.experts), layers=layers, routed=True)
        shape = (self.expert_feed, self.hidden, self.experts)
        down = Part(role="ffn_down", shape=shape, layers=layers, depth=depth, routed=True)
        parts = [Part(role="router", shape=(self.hidden, self.experts), layers=layers), up, up, down]
        if self.shared_feed:
            shared = Part(role="other", shape=(self.hidden, self.shared_feed), layers=layers)
            last = Part(role="ffn_down", shape=(self.shared_feed, self.hidden), layers=layers, depth=depth)
            parts += [shared, shared, last]
        return parts


def _gemma3(layers: int, hidden: int, heads: int, kv_heads: int, head: int, feed: int, window: int) -> Published:
    return Published(
        vocabulary=262144, hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, head=head, feed=feed,
        tied=True, norms=4, query_norms=True, window=window, full_every=6,
    )  # fmt: skip


MODELS = {
    "smollm2-135m": Published(
        vocabulary=49152, hidden=576, layers=30, heads=9, kv_heads=3, head=64, feed=1536, tied=True
    ),
    "qwen3-30b-a3b": Published(
        vocabulary=151936, hidden=2048, layers=48, heads=32, kv_heads=4, head=128, query_norms=True,
        experts=128, used=8, expert_feed=768,
    ),
    "qwen3-32b": Published(
        vocabulary=151936, hidden=5120, layers=64, heads=64, kv_heads=8, head=128, feed=25600, query_norms=True
    ),
    "qwen3-coder-next": Published(
        vocabulary=151936, hidden=2048, layers=48, heads=16, kv_heads=2, head=256, gated_query=True,
        experts=512, used=10, expert_feed=512, shared_feed=512, full_every=4,
        linear=((2048, 12288), (2048, 64), (4096, 2048)), state=(32 * 128 * 128 + 3 * 8192) * 4,
    ),
    "phi-4": Published(
        vocabulary=100352, hidden=5120, layers=40, heads=40, kv_heads=10, head=128, feed=17920, fused=True
    ),
    "gemma-3-1b": _gemma3(26, 1152, 4, 1, 256, 6912, 512),
    "gemma-3-4b": _gemma3(34, 2560, 8, 4, 256, 10240, 1024),
    "gemma-3-12b": _gemma3(48, 3840, 16, 8, 256, 15360, 1024),
    "gemma-3-27b": _gemma3(62, 5376, 32, 16, 128, 21504, 1024),
    "mistral-small": Published(
        vocabulary=131072, hidden=5120, layers=40, heads=32, kv_heads=8, head=128, feed=32768
    ),
    "mistral-nemo": Published(
        vocabulary=131072, hidden=5120, layers=40, heads=32, kv_heads=8, head=128, feed=14336
    ),
    "command-r": Published(
        vocabulary=256000, hidden=8192, layers=40, heads=64, kv_heads=8, head=128, feed=24576, tied=True, norms=1
    ),
    "internlm-3-8b": Published(
        vocabulary=128512, hidden=4096, layers=48, heads=32, kv_heads=2, head=128, feed=10240
    ),
    "starcoder-2-15b": Published(
        vocabulary=49152, hidden=6144, layers=40, heads=48, kv_heads=4, head=128, feed=24576, gated=False, biases=True
    ),
    "qwen3-235b-a22b": Published(
        vocabulary=151936, hidden=4096, layers=94, heads=64, kv_heads=4, head=128, query_norms=True,
        experts=128, used=8, expert_feed=1536,
    ),
    "llama-4-scout": Published(
        vocabulary=202048, hidden=5120, layers=48, heads=40, kv_heads=8, head=128,
        experts=16, used=1, expert_feed=8192, shared_feed=8192, window=8192, full_every=4,
    ),
    "glm-4.5-air": Published(
        vocabulary=151552, hidden=4096, layers=46, heads=96, kv_heads=8, head=128, feed=10944, biases=True,
        experts=128, used=8, expert_feed=1408, shared_feed=1408, dense=1, extra=1,
    ),
}  # fmt: skip
"""By profile. Source: ``config.json`` in the maker's repository."""
