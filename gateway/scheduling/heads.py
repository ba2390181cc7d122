"""What the heads of weight files on this machine say, read once a file. Looks at files only when told to."""

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from backends.errors import BackendError
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.footprint import weight_terms
from backends.weights import gguf, safetensors
from backends.weights.architecture import Architecture, from_header
from backends.weights.term import Term
from gateway.catalog.profile import Variant, Weights

Locate = Callable[[Weights], tuple[Path, ...] | None]


class Head(Struct, frozen=True):
    """The weights as terms; ``shape`` is ``None`` where the cache cannot be computed from it."""

    weights: tuple[Term, ...]
    shape: Architecture | None = None


class Heads:
    """By what a variant's weights are and how many of its layers stay in host RAM."""

    def __init__(self, locate: Locate | None = None) -> None:
        self._locate = locate
        self._known: dict[tuple[Weights, int], Head] = {}

    def of(self, variant: Variant) -> Head | None:
        """What was read before; asks no disk."""
        return None if variant.weights is None else self._known.get((variant.weights, _cpu_layers(variant)))

    def read(self, variants: Iterable[Variant]) -> None:
        """Read those whose files are here: some 0.1 s each, for a thread. What cannot be read stays unknown."""
        for variant in variants:
            weights = variant.weights
            if weights is None or self._locate is None:
                continue
            key = (weights, _cpu_layers(variant))
            try:
                paths = self._locate(weights)
                found = None if paths is None else _read(paths, _cpu_layers(variant))
            except BackendError:
                found = None
            if found is None:
                self._known.pop(key, None)
            else:
                self._known[key] = found


def _cpu_layers(variant: Variant) -> int:
    return variant.engine.n_cpu_moe if isinstance(variant.engine, LlamaCppArgs) else 0


def _read(paths: tuple[Path, ...], cpu_layers: int) -> Head | None:
    models = sorted(path for path in paths if path.suffix == ".gguf")
    if models:
        headers = tuple(gguf.read_header(path) for path in models)
        try:
            shape = from_header(headers[0])
        except BackendError:
            shape = None
        return Head(weight_terms(headers, cpu_layers), shape)
    stored = [safetensors.read_header(path) for path in paths if path.suffix == ".safetensors"]
    if not stored:
        return None
    tensors = sum(header.tensors for header in stored)
    return Head((Term("weights", f"{tensors} tensors", sum(header.weights_bytes for header in stored)),))
