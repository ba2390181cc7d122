"""A language model as its maker published it (``config.json``), as tensors and as an architecture. Sums only.

From these and llama.cpp's recipe, or the precision of a checkpoint, the sizes in ``model_profiles`` are computed: no
weights have to be fetched. The models themselves are in ``published_texts``.
"""

import math

from msgspec import Struct
from msgspec.structs import replace

from backends.vllm.footprint import Model, Sight
from backends.weights.architecture import Architecture, Attention
from backends.weights.quantise import Part, Recipe


class Latent(Struct, frozen=True, kw_only=True):
    """Attention over a latent (MLA): what is cached of a token is ``cached`` values, whatever the number of heads."""

    query_rank: int = 1536
    rank: int = 512
    turned: int = 64
    plain: int = 128
    value: int = 128

    @property
    def cached(self) -> int:
        return self.rank + self.turned


class Eyes(Struct, frozen=True, kw_only=True):
    """A tower that sees, with what joins it to the language model: its parameters, and what its work depends on."""

    parameters: int
    sight: Sight


class Values(Struct, frozen=True, kw_only=True):
    """Parameters by what checkpoints quantise together. ``kept`` never is: vocabulary, norms, routers, towers."""

    kept: int
    attention: int
    dense: int
    experts: int

    @property
    def total(self) -> int:
        return self.kept + self.attention + self.dense + self.experts


class Published(Struct, frozen=True, kw_only=True):
    """A decoder. ``dense`` layers come first where there are experts; ``extra`` layers lie in the file and do not run.

    ``full_every``: every n-th layer sees the whole context, the others ``window`` tokens (0: no cache at all, but a
    recurrent state of ``state`` bytes and ``linear`` weights). ``fused``: q, k and v in one tensor, gate and up too.
    Without ``gated`` the dense feed-forward is two matrices and not three. A token uses ``used`` of the ``experts``.
    ``eyes`` are in the maker's checkpoint, never in llama.cpp's file of the language model.
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
    latent: Latent | None = None
    eyes: Eyes | None = None

    def architecture(self, name: str) -> Architecture:
        """What the cache depends on."""
        full = self.layers // self.full_every
        common = {"kv_heads": self.kv_heads, "key": self.head, "value": self.head}
        if self.latent is not None:
            common = {"kv_heads": 1, "key": self.latent.cached, "value": 0}
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

    def served(self, name: str) -> Model:
        """What the memory of a server depends on."""
        sight = None if self.eyes is None else self.eyes.sight
        return Model(architecture=self.architecture(name), depth=self.layers, sight=sight)

    def values(self, *, extra: bool = False) -> Values:
        """All parameters; with ``extra`` also of layers that lie in the checkpoint and do not run."""
        model = self if extra else replace(self, extra=0)
        parts, depth = model.parts(), model.layers + model.extra
        inside = [part for part in model._attention(tuple(range(depth)), depth) if part.role != "norm"]
        attention = sum(map(_count, inside))
        experts = sum(_count(part) for part in parts if part.routed)
        kept = sum(_count(part) for part in parts if part.role in _KEPT)
        everything = sum(map(_count, parts))
        seen = 0 if self.eyes is None else self.eyes.parameters
        return Values(
            kept=kept + seen, attention=attention, dense=everything - kept - attention - experts, experts=experts
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
        if self.latent is not None:
            return self._latent(self.latent, every)
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

    def _latent(self, latent: Latent, every: tuple[int, ...]) -> list[Part]:
        query = self.heads * (latent.plain + latent.turned)
        shapes = (
            (self.hidden, latent.query_rank), (latent.query_rank, query), (self.hidden, latent.cached),
            (latent.rank, self.heads * (latent.plain + latent.value)), (self.heads * latent.value, self.hidden),
        )  # fmt: skip
        norms = [Part(role="norm", shape=(rank,), layers=every) for rank in (latent.query_rank, latent.rank)]
        return [*(Part(role="other", shape=shape, layers=every) for shape in shapes), *norms]

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


_KEPT = ("embedding", "output", "norm", "router")


def _count(part: Part) -> int:
    return math.prod(part.shape) * len(part.layers)
