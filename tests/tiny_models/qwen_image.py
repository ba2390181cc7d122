# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Qwen-Image."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKLQwenImage,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)

from tests.tiny_models import encoders, text

CHANNELS = 16


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return QwenImagePipeline(**parts())


def parts() -> dict[str, Any]:
    """Components by their names; the editing models have a processor besides."""
    tokenizer = text.qwen()
    torch.manual_seed(0)
    transformer = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=CHANNELS * 4,
        out_channels=CHANNELS,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=encoders.WIDTH,
        guidance_embeds=False,
        axes_dims_rope=(4, 6, 6),
    )
    torch.manual_seed(4)
    vae = AutoencoderKLQwenImage(
        base_dim=2,
        z_dim=CHANNELS,
        dim_mult=[1, 2, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * CHANNELS,
        latents_std=[1.0] * CHANNELS,
    )
    return {
        "transformer": transformer.eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        "vae": vae.eval(),
        "text_encoder": encoders.qwen_vl(tokenizer),
        "tokenizer": tokenizer,
    }
