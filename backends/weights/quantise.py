"""Which type llama.cpp gives each tensor when it quantises a model. Pure.

Covers the recipes that profiles name: Q8_0, Q6_K, Q5_K_M, Q4_K_M and the unquantised ones. Source:
llama_tensor_get_type in llama.cpp's quantiser.
"""

import math
from typing import Literal

from msgspec import Struct

from backends.weights.ggml import BY_NAME, TensorType

Recipe = Literal["BF16", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"]
Role = Literal["norm", "router", "embedding", "output", "attn_v", "attn_qkv", "ffn_down", "other"]
_BASE = {"BF16": "BF16", "F16": "F16", "Q8_0": "Q8_0", "Q6_K": "Q6_K", "Q5_K_M": "Q5_K", "Q4_K_M": "Q4_K"}
_FUSED = {"Q5_K_M": "Q6_K", "Q4_K_M": "Q5_K"}
_NARROW = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_SUPER_BLOCK = 256


class Part(Struct, frozen=True, kw_only=True):
    """Tensors of one kind: ``shape`` innermost first, ``layers`` those that have it, of ``depth`` in the model."""

    role: Role
    shape: tuple[int, ...]
    layers: tuple[int, ...] = (0,)
    depth: int = 1
    tied: bool = False
    routed: bool = False

    def bytes(self, recipe: Recipe) -> int:
        """What they take together."""
        count = math.prod(self.shape)
        return sum(tensor_type(self, layer, recipe).bytes(count) for layer in self.layers)


def tensor_type(part: Part, layer: int, recipe: Recipe) -> TensorType:
    """The type of one of the tensors."""
    if part.role in ("norm", "router") or len(part.shape) == 1:
        return BY_NAME["F32"]
    name = _BASE[recipe]
    if part.role == "output" or (part.role == "embedding" and part.tied):
        name = {"Q5_K": "Q6_K", "Q4_K": "Q6_K"}.get(name, name)
    elif part.role == "attn_qkv":
        name = _FUSED.get(recipe, name)
    elif part.role in ("attn_v", "ffn_down") and recipe in _FUSED and more_bits(layer, part.depth):
        name = "Q6_K"
    if part.shape[0] % _SUPER_BLOCK:
        name = _NARROW.get(name, name)
    return BY_NAME[name]


def more_bits(layer: int, depth: int) -> bool:
    """The first and last eighth of the layers and every third between them count for more."""
    eighth = depth // 8
    return layer < eighth or layer >= 7 * depth // 8 or (layer - eighth) % 3 == 2
