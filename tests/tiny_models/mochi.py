# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Mochi 1."""

import torch
from diffusers import (
    AutoencoderKLMochi,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    MochiPipeline,
    MochiTransformer3DModel,
)

from tests.tiny_models import encoders, text


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.t5()
    torch.manual_seed(0)
    transformer = MochiTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        pooled_projection_dim=16,
        in_channels=12,
        text_embed_dim=encoders.WIDTH,
        time_embed_dim=8,
    )
    with torch.no_grad():
        # Zeros in a new model, numbers in a trained one.
        transformer.pos_frequencies.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(5))
    torch.manual_seed(4)
    vae = AutoencoderKLMochi(
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        layers_per_block=(1, 1, 1, 1, 1),
    )
    return MochiPipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(invert_sigmas=True),
        vae=vae.eval(),
        text_encoder=encoders.t5(tokenizer),
        tokenizer=tokenizer,
        force_zeros_for_empty_prompt=True,
    )
