"""The sizes in ``model_profiles``, computed: ``python -m tools.footprints [--check]``.

Weights come from the published shape of a model and the recipe that a variant is named after; cache and computation
from the variant's own context, slots and cache types; pictures are ``image_footprints``, vLLM's variants
``vllm_footprints``. ``--check`` exits with 1 where a profile says something else.
"""

import sys
from pathlib import Path

from backends.diffusers.args import DiffusersArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.footprint import context_of
from backends.vllm.args import VllmArgs
from backends.weights.kv import compute_bytes, kv_bytes
from backends.weights.quantise import Recipe
from gateway.catalog.load import load
from gateway.catalog.profile import Footprint, ModelProfile, Variant
from gateway.settings import default_profiles_dir
from tools.image_footprints import findings
from tools.published import Published
from tools.published_texts import MODELS
from tools.vllm_footprints import findings as vllm_findings

_RECIPES: tuple[tuple[str, Recipe], ...] = (
    ("bf16", "BF16"), ("f16", "F16"), ("q8_0", "Q8_0"), ("q6_k", "Q6_K"), ("q5_k_m", "Q5_K_M"), ("q4_k_m", "Q4_K_M"),
)  # fmt: skip
_READ = {"smollm2-135m": 96_576_768}
"""Weights whose file was read: the sum over the tensors in its head."""
_BYTES_A_SECOND = 1_000_000_000


def main(arguments: list[str], folder: Path | None = None) -> int:
    """Print every variant with its parts in GB; with ``--check`` only what differs or cannot be computed."""
    result = load(folder or default_profiles_dir())
    if result.catalog is None:
        print(*result.problems, sep="\n")
        return 1
    wrong = 0
    for profile in result.catalog.profiles.values():
        for variant in profile.variants:
            if isinstance(variant.engine, VllmArgs):
                found = vllm_findings(profile, variant)
                wrong += len(found)
                if "--check" not in arguments:
                    found.insert(0, _line(variant.footprint))
                for line in found:
                    print(f"{profile.id}:{variant.name}: {line}")
            if not isinstance(variant.engine, LlamaCppArgs):
                continue
            if profile.id not in MODELS:
                print(f"{profile.id}:{variant.name}: no published shape in tools/published_texts.py to compute it from")
                wrong += 1
                continue
            wanted = computed(profile, variant)
            same = wanted == variant.footprint
            wrong += not same
            if not same or "--check" not in arguments:
                print(
                    f"{profile.id}:{variant.name}: {_line(wanted)}{'' if same else f'; the file: {variant.footprint}'}"
                )
    pictures = [
        p for p in result.catalog.profiles.values() if any(isinstance(v.engine, DiffusersArgs) for v in p.variants)
    ]
    for profile in pictures:
        for line in findings(profile):
            print(line)
            wrong += 1
    return 1 if wrong and "--check" in arguments else 0


def computed(profile: ModelProfile, variant: Variant) -> Footprint:
    """What the variant's footprint should say. Load time is the file's own: it is a guess until it is measured."""
    model, engine = MODELS[profile.id], variant.engine
    if not isinstance(engine, LlamaCppArgs):
        raise TypeError(f"{profile.id}:{variant.name} is no llama.cpp variant")
    shape = model.architecture(profile.id)
    context = context_of(engine)
    weights, moved = _weights(profile.id, model, variant, engine.n_cpu_moe)
    return Footprint(
        weights_bytes=weights - moved,
        kv_bytes=kv_bytes(shape, context),
        compute_bytes=compute_bytes(shape, context),
        host_bytes=moved,
        load_seconds=variant.footprint.load_seconds,
        sleep=variant.footprint.sleep,
    )


def _weights(name: str, model: Published, variant: Variant, cpu_layers: int) -> tuple[int, int]:
    """(all weights, those of them that stay in host memory)."""
    if name in _READ:
        return _READ[name], 0
    recipe = _recipe(variant.name)
    routed = model.layers - model.dense
    share = min(cpu_layers, routed) / routed if routed else 0
    return model.bytes(recipe), int(model.expert_bytes(recipe) * share)


def _recipe(variant: str) -> Recipe:
    return next(recipe for prefix, recipe in _RECIPES if variant.startswith(prefix))


def _line(footprint: Footprint) -> str:
    named = {
        "weights": footprint.weights_bytes,
        "cache": footprint.kv_bytes,
        "computation": footprint.compute_bytes,
        "host": footprint.host_bytes,
    }
    return ", ".join(f"{name} {value} ({value / 1e9:.2f} GB)" for name, value in named.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
