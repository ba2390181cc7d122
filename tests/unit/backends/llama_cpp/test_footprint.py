"""What an engine asks of memory: its context by runtime, and which weights stay in host RAM."""

from pathlib import Path

import pytest

from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.footprint import context_of, weight_terms
from backends.weights.gguf import read_header
from backends.weights.kv import Context
from backends.weights.term import Term, total
from tests.fakes.gguf_file import Shape, write_model


@pytest.mark.parametrize(
    ("runtime", "args", "expected"),
    [
        ("llama_cpp_python", LlamaCppArgs(), Context(tokens=8192, slots=4)),
        ("llama_cpp_python", LlamaCppArgs(slots=64), Context(tokens=8192, slots=64, outputs=64)),
        ("xllamacpp", LlamaCppArgs(), Context(tokens=8192, slots=4, outputs=512, unified=False, pooled=True)),
        ("xllamacpp", LlamaCppArgs(embeddings=False), Context(tokens=8192, slots=4, outputs=4, unified=False)),
        (
            "llama_cpp_python",
            LlamaCppArgs(cache_type_k="q8_0", cache_type_v="q4_0", batch_tokens=64, context_tokens=100, slots=1),
            Context(tokens=100, batch=64, cache_k="q8_0", cache_v="q4_0"),
        ),
    ],
)
def test_the_context_of_a_runtime(runtime, args, expected):
    assert context_of(args, runtime) == expected


def test_experts_of_the_first_layers_stay_in_host_memory(tmp_path: Path):
    header = read_header(write_model(tmp_path / "moe.gguf", Shape(layers=12, experts=8, feed=256)))
    an_expert_layer = 3 * 256 * 256 * 8 * 2
    assert header.expert_bytes == 12 * an_expert_layer
    for layers, moved in ((0, 0), (1, 1), (11, 11), (12, 12), (99, 12)):
        terms = weight_terms((header,), layers)
        assert total(terms, on_host=True) == moved * an_expert_layer
        assert total(terms) + total(terms, on_host=True) == header.weights_bytes
    assert weight_terms((header, header), 1)[1] == Term("experts in host RAM", "of 1 layers", 2 * an_expert_layer, True)
