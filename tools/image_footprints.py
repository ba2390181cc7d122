"""Sizes of image and video profiles, computed from the parameters of their parts: called by ``tools.footprints``."""

from pathlib import Path

from backends.diffusers.args import DiffusersArgs, Quantise
from backends.weights.activation import GROUP_BYTES, Precision, loaded_bytes
from backends.weights.safetensors import read_header
from backends.weights.store import WeightStore
from gateway.catalog.profile import Component, ModelProfile, Variant, Weights
from tools.published_clips import CLIP_PARAMETERS
from tools.published_images import PARAMETERS

_ALL = PARAMETERS | CLIP_PARAMETERS
_PRECISIONS: dict[Quantise, Precision] = {"fp8_layerwise": "fp8", "nf4": "nf4"}


def findings(profile: ModelProfile) -> list[str]:
    """What a profile says that does not follow from the table; empty when all does."""
    if all(variant.weights and variant.weights.source.startswith("bundled:") for variant in profile.variants):
        return [f"{profile.id}:{each.name}: {wrong}" for each in profile.variants for wrong in _bundled(each)]
    if profile.id not in _ALL:
        return [f"{profile.id}: no parameters in tools/published_images.py or published_clips.py to compute it from"]
    found: list[str] = []
    for variant in profile.variants:
        found += [f"{profile.id}:{variant.name}: {wrong}" for wrong in _variant(profile.id, variant)]
    return found


def _bundled(variant: Variant) -> list[str]:
    """Weights that come with us are counted in their files: 16 bits there, 32 in memory."""
    assert variant.weights is not None
    assert isinstance(variant.engine, DiffusersArgs)
    (folder,) = WeightStore(Path()).locate(variant.weights) or (Path(),)
    heads = [read_header(path) for path in folder.rglob("*.safetensors")]
    stored = sum(sum(head.bytes_by_type.values()) for head in heads)
    held = 2 * stored if variant.engine.dtype == "fp32" else stored
    files = sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in (".safetensors", ".json"))
    wrong: list[str] = []
    if variant.footprint.weights_bytes != held:
        wrong.append(f"weights_bytes {variant.footprint.weights_bytes}, computed {held}")
    if variant.weights.folder is None or variant.weights.folder.bytes != files:
        wrong.append(f"the folder has {files} bytes")
    return wrong


def _variant(model: str, variant: Variant) -> list[str]:
    activation, engine = variant.footprint.activation, variant.engine
    if activation is None or not isinstance(engine, DiffusersArgs):
        return ["an image variant says its parts under footprint.activation"]
    wrong: list[str] = []
    said = {part.name: part for part in activation.components}
    wanted = {part.name: part for part in _components(model, engine, variant)}
    for name, part in wanted.items():
        if name not in said:
            wrong.append(f"{name} has no size, computed {part.bytes} as {part.precision}")
        elif said[name] != part:
            told = f"{said[name].bytes} bytes as {said[name].precision}"
            wrong.append(f"{name} has {told}, computed {part.bytes} as {part.precision}")
    wrong += [f"{name} is no part of it" for name in said if name not in wanted]
    loaded = [loaded_bytes(part.bytes, part.precision) for part in wanted.values()]
    held = {"none": sum(loaded), "model": max(loaded), "group": min(GROUP_BYTES, sum(loaded))}[engine.offload]
    if variant.footprint.weights_bytes != held:
        wrong.append(f"weights_bytes {variant.footprint.weights_bytes}, computed {held}")
    if (activation.offload, activation.tiled) != (engine.offload, engine.vae_tiling):
        wrong.append(f"offload {engine.offload}, tiling {engine.vae_tiling} of the engine differ from the footprint's")
    return wrong


def _components(model: str, engine: DiffusersArgs, variant: Variant) -> list[Component]:
    """All parts that are not left out: two bytes a parameter; of a GGUF file and of adapters their own size."""
    parts: list[Component] = []
    for name, parameters in _ALL[model].items():
        if name in engine.omit:
            continue
        how = engine.quantise.get(name)
        if how == "gguf":
            parts.append(Component(name=name, bytes=_bytes(variant.parts[name])))
        else:
            precision = "bf16" if how is None else _PRECISIONS[how]
            parts.append(Component(name=name, bytes=2 * parameters, precision=precision))
    adapters = dict.fromkeys(lora.part for lora in engine.loras.values())
    return parts + [Component(name=name, bytes=_bytes(variant.parts[name])) for name in adapters]


def _bytes(source: Weights) -> int:
    return source.folder.bytes if source.folder else sum(file.bytes for file in source.files)
