# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Flux 1 Dev. Schnell is the same without the embedded guidance."""

from typing import Any

import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

from tests.tiny_models import encoders, text, vaes


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return FluxPipeline(**parts())


def parts() -> dict[str, Any]:
    """Components by their names; those of Kontext are alike."""
    first, second = text.clip(), text.t5()
    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=encoders.WIDTH,
        pooled_projection_dim=encoders.WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(4, 4, 8),
    )
    return {
        "transformer": transformer.eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        "vae": vaes.kl(16, scale=0.3611, shift=0.1159),
        "text_encoder": encoders.clip(first),
        "tokenizer": first,
        "text_encoder_2": encoders.t5(second),
        "tokenizer_2": second,
    }
