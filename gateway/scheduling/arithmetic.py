"""The sums behind a footprint, term by term: as the profile says, from a file's head, or for a request. Pure; bytes."""

from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.footprint import context_of
from backends.weights.activation import CONTEXT_BYTES, GROUP_BYTES, decode_bytes, denoise_bytes, loaded_bytes
from backends.weights.architecture import Architecture
from backends.weights.kv import compute_terms, kv_terms
from backends.weights.term import Term
from gateway.catalog.profile import Activation, Component, Footprint, Variant
from gateway.scheduling.demand import Demand

Terms = tuple[Term, ...]
DECLARED = "as the profile says"


def declared(footprint: Footprint) -> Terms:
    """The profile's own figures."""
    named = (
        ("weights", footprint.weights_bytes),
        ("KV cache", footprint.kv_bytes),
        ("scratch", footprint.compute_bytes),
    )
    return (*(Term(label, DECLARED, size) for label, size in named if size), *on_host(footprint))


def on_host(footprint: Footprint) -> Terms:
    """What the profile puts into host RAM whatever the device."""
    return (Term("host RAM", DECLARED, footprint.host_bytes, on_host=True),) if footprint.host_bytes else ()


def from_heads(
    args: LlamaCppArgs, footprint: Footprint, weights: Terms, shape: Architecture | None, runtime: str
) -> Terms:
    """With the weights that the files' heads tell; cache and scratch too where the ``shape`` allows it."""
    if shape is None:
        return (*weights, *(term for term in declared(footprint) if term.label in ("KV cache", "scratch")))
    context = context_of(args, runtime)
    return (*weights, *kv_terms(shape, context), *compute_terms(shape, context))


def diffusion(variant: Variant, activation: Activation, demand: Demand) -> Terms:
    """Parts of the pipeline where its offload plan keeps them, and the activations of one request."""
    parts = activation.components or (Component(name="weights", bytes=max(1, variant.footprint.weights_bytes)),)
    loaded = [(part, loaded_bytes(part.bytes, part.precision)) for part in parts]
    everything = sum(size for _, size in loaded)
    match activation.offload:
        case "none":
            held = tuple(Term(part.name, _words(part), size) for part, size in loaded)
        case "model":
            part, size = max(loaded, key=lambda each: each[1])
            held = (Term(part.name, f"{_words(part)}, the largest part", size),)
        case "group":
            held = (Term("blocks", "of the part that works, a few at a time", min(GROUP_BYTES, everything)),)
    rest = () if activation.offload == "none" else (Term("parts", "all, in host RAM", everything, on_host=True),)
    context = Term("device context", "kernels and workspaces of a process", CONTEXT_BYTES)
    return (*held, context, _activations(activation, demand), *rest, *on_host(variant.footprint))


def _activations(activation: Activation, demand: Demand) -> Term:
    width, height = demand.width or activation.width, demand.height or activation.height
    frames, images = demand.frames or activation.frames, demand.images or 1
    denoise = denoise_bytes(activation.family, width, height, frames, images)
    decode = decode_bytes(activation.family, width, height, frames, tiled=activation.tiled)
    size = f"{width}x{height}" + (f", {frames} frames" if frames > 1 else "") + (f" x {images}" if images > 1 else "")
    most = "denoising" if denoise >= decode else f"decoding{' in tiles' if activation.tiled else ''}"
    return Term("activations", f"{activation.family} at {size}, most while {most}", max(denoise, decode))


def _words(part: Component) -> str:
    return "as stored" if part.precision == "stored" else f"{part.bytes} B in 16 bits, as {part.precision}"
