# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Stable Diffusion 3.5: three text encoders, a transformer of two streams."""

import torch
from diffusers import (
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)

from tests.tiny_models import encoders, text, vaes


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    first, second, third = text.clip(), text.clip(), text.t5()
    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=encoders.WIDTH * 2,
        pooled_projection_dim=encoders.WIDTH * 2,
        pos_embed_max_size=32,
    )
    third_encoder = encoders.t5(third, width=encoders.WIDTH * 2)
    return StableDiffusion3Pipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vaes.kl(16, scale=1.5305, shift=0.0609),
        text_encoder=encoders.clip(first, projected=True),
        tokenizer=first,
        text_encoder_2=encoders.clip(second, projected=True),
        tokenizer_2=second,
        text_encoder_3=third_encoder,
        tokenizer_3=third,
    )
