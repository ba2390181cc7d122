# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Flux 2 Klein: hidden states of three layers of a Qwen 3, no embedded guidance."""

import torch
from diffusers import DiffusionPipeline, Flux2KleinPipeline
from transformers import Qwen3Config, Qwen3ForCausalLM

from tests.tiny_models import flux2, text

LAYERS = 27
"""The last of the layers whose hidden states the pipeline takes: 9, 18 and 27."""


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.qwen()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=flux2.WIDTH,
        intermediate_size=24,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=1024,
    )
    torch.manual_seed(3)
    return Flux2KleinPipeline(
        transformer=flux2.transformer(guided=False),
        scheduler=flux2.scheduler(),
        vae=flux2.vae(),
        text_encoder=Qwen3ForCausalLM(config).eval(),
        tokenizer=tokenizer,
        is_distilled=False,
    )
