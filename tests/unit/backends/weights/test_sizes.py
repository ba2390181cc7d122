"""Caches against llama.cpp's own log, files against the sizes that their publishers show."""

import math

import pytest

from backends.weights.architecture import Architecture, Attention, from_header
from backends.weights.ggml import BY_NAME
from backends.weights.gguf import read_header
from backends.weights.kv import Context, compute_terms, kv_bytes, kv_terms
from backends.weights.quantise import Part, more_bits, tensor_type
from tests.llama_cpp_fixtures import smollm2
from tools.published_texts import MODELS

MIB = 2**20
GEMMA_270M = Architecture(
    name="gemma3",
    vocabulary=262144,
    embedding=640,
    attention=(
        Attention(layers=3, kv_heads=1, key=256, value=256),
        Attention(layers=15, kv_heads=1, key=256, value=256, window=512),
    ),
)


@pytest.mark.parametrize(("context", "slots", "mib"), [(8192, 8, 24.0 + 67.5), (32768, 4, 96.0 + 37.5)])
def test_a_cache_with_windows_is_what_llama_cpp_prints(context, slots, mib):
    assert kv_bytes(GEMMA_270M, Context(tokens=context, slots=slots)) == mib * MIB


def test_slots_with_caches_of_their_own_have_windows_of_their_own():
    apart = Context(tokens=8192, slots=8, unified=False)
    assert kv_bytes(GEMMA_270M, apart) == (24 + 120) * MIB  # as llama.cpp prints


def test_the_arithmetic_in_words():
    [full, windowed] = kv_terms(GEMMA_270M, Context(tokens=8192, slots=8))
    assert full.formula == "3 layers x 8192 cells x 1 heads x (256+256) x 2 B (f16)"
    assert (windowed.label, windowed.bytes) == ("KV cache, window of 512", 67.5 * MIB)
    assert "4608 cells" in windowed.formula
    [mixed, _] = kv_terms(GEMMA_270M, Context(tokens=8192, cache_k="q8_0"))
    assert mixed.formula.endswith("(256 x 1.0625 B (q8_0) + 256 x 2 B (f16))")
    assert mixed.bytes == 3 * 8192 * (256 * 34 // 32 + 512)


@pytest.mark.parametrize(
    ("model", "context", "mib"),
    [
        ({"feed": 1536, "queries": 576}, Context(tokens=2048), 15.51),
        ({"feed": 1536, "queries": 576}, Context(tokens=32768, slots=8), 45.51),
        ({"feed": 1536, "queries": 576}, Context(tokens=8192, slots=4, outputs=4, unified=False), 16.64),
        (
            {"feed": 1536, "queries": 576},
            Context(tokens=32768, slots=8, outputs=512, unified=False, pooled=True),
            105.66,
        ),
        ({"feed": 1536, "queries": 576}, Context(tokens=8192, slots=4, outputs=4, unified=False, batch=2048), 66.57),
    ],
)
def test_the_scratch_buffer_is_what_llama_cpp_prints(model, context, mib):
    layers = Attention(layers=30, kv_heads=3, key=64, value=64)
    shape = Architecture(name="llama", vocabulary=49152, embedding=576, attention=(layers,), **model)
    assert compute_terms(shape, context)[0].bytes == pytest.approx(mib * MIB, abs=0.1 * MIB)


def test_experts_of_a_narrow_feed_forward_are_counted_by_what_they_give_out():
    layers = Attention(layers=2, kv_heads=2, key=64, value=64)
    fields = {"name": "x", "vocabulary": 512, "embedding": 1024, "attention": (layers,), "queries": 256}
    routed = Architecture(feed=8 * 256, experts_used=8, **fields)
    [scratch, _] = compute_terms(routed, Context(tokens=2048))
    assert scratch.bytes == pytest.approx(36.51 * MIB, abs=0.1 * MIB)
    assert scratch.formula == "512 tokens x (2 x 8 experts x 1024 + 1024 + 256) x 4 B + 512 x 2048 cells x 2 B of mask"


def test_a_smaller_cache_type_takes_its_share():
    whole = kv_bytes(GEMMA_270M, Context(tokens=8192))
    assert kv_bytes(GEMMA_270M, Context(tokens=8192, cache_k="q8_0", cache_v="q8_0")) == whole * 34 // 64
    assert kv_bytes(GEMMA_270M, Context(tokens=8192, cache_k="q4_0", cache_v="f16")) == whole * (18 + 64) // 128


def test_a_recurrent_state_counts_by_slot():
    shape = MODELS["qwen3-coder-next"].architecture("x")
    grown = kv_bytes(shape, Context(tokens=262144, slots=2)) - kv_bytes(shape, Context(tokens=262144))
    assert grown == shape.recurrent_bytes > 70 * MIB


PUBLISHED = {
    ("qwen3-30b-a3b", "Q4_K_M"): 18.56,
    ("qwen3-30b-a3b", "Q8_0"): 32.48,
    ("qwen3-32b", "Q4_K_M"): 19.76,
    ("phi-4", "Q4_K_M"): 9.05,
    ("gemma-3-1b", "Q4_K_M"): 0.806,
    ("gemma-3-4b", "Q4_K_M"): 2.49,
    ("gemma-3-12b", "Q4_K_M"): 7.30,
    ("gemma-3-27b", "Q4_K_M"): 16.55,
    ("mistral-small", "Q4_K_M"): 14.33,
    ("mistral-small", "Q5_K_M"): 16.76,
    ("mistral-small", "Q6_K"): 19.35,
    ("mistral-small", "Q8_0"): 25.05,
    ("mistral-small", "BF16"): 47.15,
    ("mistral-nemo", "Q4_K_M"): 7.48,
    ("llama-4-scout", "Q4_K_M"): 65.36,
    ("glm-4.5-air", "Q4_K_M"): 72.98,
    ("command-r", "Q4_K_M"): 19.8,
    ("command-r", "Q5_K_M"): 23.1,
    ("command-r", "Q6_K"): 26.5,
    ("command-r", "Q8_0"): 34.3,
    ("internlm-3-8b", "Q4_K_M"): 5.359,
    ("starcoder-2-15b", "Q4_K_M"): 9.86,
}
"""GB (10**9) of the files as their publishers show them, rounded; a file has some MB of vocabulary besides weights."""


@pytest.mark.parametrize(("model", "recipe"), PUBLISHED)
def test_computed_files_are_as_large_as_the_published_ones(model, recipe):
    assert MODELS[model].bytes(recipe) / 1e9 == pytest.approx(PUBLISHED[model, recipe], rel=0.012)


def test_the_recipe():
    down = Part(role="ffn_down", shape=(512, 8), layers=tuple(range(32)), depth=32)
    types = [tensor_type(down, layer, "Q4_K_M").name for layer in range(32)]
    assert types[:4] == ["Q6_K"] * 4
    assert types[4:7] == ["Q4_K", "Q4_K", "Q6_K"]
    assert types[28:] == ["Q6_K"] * 4
    assert types.count("Q6_K") == sum(more_bits(layer, 32) for layer in range(32))
    assert tensor_type(Part(role="output", shape=(256, 8)), 0, "Q4_K_M") is BY_NAME["Q6_K"]
    assert tensor_type(Part(role="embedding", shape=(256, 8)), 0, "Q4_K_M") is BY_NAME["Q4_K"]
    assert tensor_type(Part(role="embedding", shape=(256, 8), tied=True), 0, "Q5_K_M") is BY_NAME["Q6_K"]
    assert tensor_type(Part(role="attn_qkv", shape=(256, 8)), 0, "Q4_K_M") is BY_NAME["Q5_K"]
    assert tensor_type(Part(role="other", shape=(576, 8)), 0, "Q4_K_M") is BY_NAME["Q5_0"]
    assert tensor_type(Part(role="norm", shape=(256,)), 0, "Q8_0") is BY_NAME["F32"]
    assert tensor_type(Part(role="router", shape=(256, 8)), 0, "Q8_0") is BY_NAME["F32"]


def test_a_published_shape_has_the_tensors_of_the_real_file():
    header, shape = read_header(smollm2()), MODELS["smollm2-135m"]
    counted = sum(math.prod(part.shape) * len(part.layers) for part in shape.parts())
    assert counted == sum(math.prod(tensor.shape) for tensor in header.tensors) == 134_515_008
    assert sum(len(part.layers) for part in shape.parts()) == len(header.tensors)
    said = from_header(header)
    assert shape.architecture("llama") == said
