"""What a llama.cpp engine asks of memory for its arguments, by the runtime that will run it. Pure."""

from backends.llama_cpp.args import LlamaCppArgs
from backends.weights.gguf import GgufHeader
from backends.weights.kv import Context
from backends.weights.term import Term

_OUTPUTS = 32
"""Rows of logits that the worker on llama-cpp-python allows in one step."""


def context_of(args: LlamaCppArgs, runtime: str = "llama_cpp_python") -> Context:
    """The context that ``runtime`` makes: llama.cpp's server gives each slot a cache of its own."""
    server = runtime == "xllamacpp"
    pooled = server and args.embeddings
    rows = (args.batch_tokens if pooled else args.slots) if server else max(_OUTPUTS, args.slots)
    return Context(
        tokens=args.context_tokens,
        slots=args.slots,
        batch=args.batch_tokens,
        cache_k=args.cache_type_k,
        cache_v=args.cache_type_v,
        outputs=rows,
        unified=not server,
        pooled=pooled,
    )


def weight_terms(headers: tuple[GgufHeader, ...], cpu_layers: int) -> tuple[Term, ...]:
    """All tensors of a model's files; the routed experts of the first ``cpu_layers`` layers stay on the host."""
    everything = sum(header.weights_bytes for header in headers)
    moved = sum(header.experts_below(cpu_layers) for header in headers)
    tensors = sum(len(header.tensors) for header in headers)
    if not moved:
        return (Term("weights", f"{tensors} tensors", everything),)
    return (
        Term("weights", f"{tensors} tensors without the experts of {cpu_layers} layers", everything - moved),
        Term("experts in host RAM", f"of {cpu_layers} layers", moved, on_host=True),
    )
