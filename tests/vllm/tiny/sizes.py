"""What the tiny families share: sizes that the CPU's kernels take, and words. Data only."""

from typing import Any

BASE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 2048,
}
# Sizes of a head are those of the CPU's kernel for attention: 32 is its smallest.
HEAD: dict[str, Any] = {"head_dim": 32}
LLAMA_WORDS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|python_tag|>")
CHATML_WORDS = ("<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>")
