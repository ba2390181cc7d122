"""Sizes of vLLM variants, computed from the published shape of a model: called by ``tools.footprints``.

Weights are parameters by the bytes of the precision that a variant is named after, and what checkpoints of that kind
leave in 16 bits; the rest is ``backends/vllm/footprint.py``.
"""

from fractions import Fraction
from typing import Literal

from msgspec import Struct

from backends.vllm.args import VllmArgs
from backends.vllm.footprint import asleep_bytes, cache_bytes, compute_bytes, host_bytes
from gateway.catalog.profile import Footprint, ModelProfile, Sleep, Variant
from tools.published import Published
from tools.published_texts import MODELS

Scope = Literal["all", "feed", "experts"]
_PER_CARD = 20_000_000_000
"""Bytes a second that come back from host RAM over PCIe 4, a card; four cards use up what the host's RAM gives."""
_BUSY_CARDS = 4
_CARD = 70_000_000_000
"""Of weights on a card, where it has as many as it can hold."""
_WAKE = 0.5
_TEXTS = 20_000_000
"""Tokenizer, settings and index in a folder of weights."""


class Precision(Struct, frozen=True):
    """Bytes a value with its scales, and which parts of a model have it; all others have two bytes."""

    size: Fraction
    scope: Scope = "all"


_HALF = Precision(Fraction(2))
_PRECISIONS = {
    "bf16": _HALF,
    "fp8": Precision(1 + Fraction(4, 128 * 128)),
    "awq": Precision(Fraction(1, 2) + Fraction(5, 2 * 128)),
    "gptq": Precision(Fraction(1, 2) + Fraction(5, 2 * 128)),
    "int4": Precision(Fraction(1, 2) + Fraction(2, 128)),
    "nvfp4": Precision(Fraction(1, 2) + Fraction(1, 16)),
}
"""By the first word of a variant's name. A scale of 4 bytes for 128 x 128 values, of 2 for 128 (AWQ and GPTQ have a
zero of 4 bits too), of 1 for 16."""
_GROUPS_OF_32 = Fraction(1, 2) + Fraction(2, 32)
_OTHERWISE = {
    ("deepseek-v3.1", "awq"): Precision(_PRECISIONS["awq"].size, "feed"),
    ("deepseek-v3.1", "nvfp4"): Precision(_PRECISIONS["nvfp4"].size, "feed"),
    ("deepseek-r1", "nvfp4"): Precision(_PRECISIONS["nvfp4"].size, "feed"),
    ("kimi-k2-thinking", "int4"): Precision(_GROUPS_OF_32, "experts"),
    ("minimax-m2.1", "int4"): Precision(_GROUPS_OF_32, "experts"),
    ("qwen3-coder-next", "int4"): Precision(_GROUPS_OF_32, "experts"),
    ("qwen3-coder-next", "nvfp4"): Precision(_PRECISIONS["nvfp4"].size, "feed"),
    ("glm-4.5-air", "int4"): Precision(_GROUPS_OF_32, "feed"),
    ("glm-4.6", "awq"): Precision(_PRECISIONS["awq"].size, "feed"),
    ("llama-4-scout", "fp8"): Precision(Fraction(1), "feed"),
    ("llama-4-scout", "int4"): Precision(_PRECISIONS["int4"].size, "feed"),
    ("llama-4-scout", "nvfp4"): Precision(_PRECISIONS["nvfp4"].size, "feed"),
    ("llama-4-maverick", "fp8"): Precision(Fraction(1), "experts"),
    ("llama-4-maverick", "int4"): Precision(_PRECISIONS["int4"].size, "experts"),
    ("llama-4-maverick", "nvfp4"): Precision(_PRECISIONS["nvfp4"].size, "feed"),
}  # fmt: skip
"""Checkpoints that leave more in 16 bits, or have smaller groups, as their makers describe them."""


def computed(profile: ModelProfile, variant: Variant) -> Footprint:
    """What the variant's footprint should say. Load time is the file's own: it is a guess until it is measured."""
    model, engine = MODELS[profile.id], variant.engine
    if not isinstance(engine, VllmArgs):
        raise TypeError(f"{profile.id}:{variant.name} is no vLLM variant")
    served, cards = model.served(profile.id), variant.split
    weights, host = weights_bytes(profile.id, variant), host_bytes(cards)
    sleep = None
    if engine.sleeps:
        back = weights / (_PER_CARD * min(cards, _BUSY_CARDS, -(-weights // _CARD)))
        sleep = Sleep(
            wake_seconds=round(_WAKE + back, 1),
            host_bytes=weights + host,
            device_bytes=asleep_bytes(served, engine, cards),
        )
    return Footprint(
        weights_bytes=weights,
        kv_bytes=cache_bytes(served, engine, cards),
        compute_bytes=compute_bytes(served, engine),
        host_bytes=host,
        load_seconds=variant.footprint.load_seconds,
        sleep=sleep,
    )


def weights_bytes(name: str, variant: Variant) -> int:
    """On all cards together, once everything is loaded."""
    model = MODELS[name]
    return _bytes(model, _precision(name, variant.name)) + _absorbed(model)


def folder_bytes(name: str, variant: Variant) -> int:
    """Of the files that are pulled: with the layers that do not run, and as they were before vLLM quantises them."""
    engine = variant.engine
    online = isinstance(engine, VllmArgs) and engine.quantization is not None and engine.quantization.startswith("fp8_")
    return _bytes(MODELS[name], _HALF if online else _precision(name, variant.name), extra=True) + _TEXTS


def findings(profile: ModelProfile, variant: Variant) -> list[str]:
    """What a variant says that does not follow from the table; empty when all does."""
    if profile.id not in MODELS:
        return ["no published shape in tools/published_texts.py to compute it from"]
    found: list[str] = []
    if (wanted := computed(profile, variant)) != variant.footprint:
        found.append(f"computed {wanted}; the file: {variant.footprint}")
    folder = None if variant.weights is None else variant.weights.folder
    if folder is not None and folder.bytes != (size := folder_bytes(profile.id, variant)):
        found.append(f"weights.folder.bytes {folder.bytes}, computed {size}")
    return found


def _precision(name: str, variant: str) -> Precision:
    kind = variant.partition("-")[0]
    return _OTHERWISE.get((name, kind)) or _PRECISIONS[kind]


def _bytes(model: Published, precision: Precision, *, extra: bool = False) -> int:
    values = model.values(extra=extra)
    packed = values.experts
    if precision.scope != "experts":
        packed += values.dense
    if precision.scope == "all":
        packed += values.attention
    return 2 * (values.total - packed) + int(packed * precision.size)


def _absorbed(model: Published) -> int:
    """vLLM multiplies the latent's matrix into its neighbours and keeps that beside it, in 16 bits."""
    latent = model.latent
    if latent is None:
        return 0
    return 2 * model.layers * latent.rank * model.heads * (latent.plain + latent.value)
