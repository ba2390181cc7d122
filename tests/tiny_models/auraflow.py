# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""AuraFlow."""

import torch
from diffusers import AuraFlowPipeline, AuraFlowTransformer2DModel, DiffusionPipeline, FlowMatchEulerDiscreteScheduler

from tests.tiny_models import encoders, text, vaes


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.t5()
    torch.manual_seed(0)
    transformer = AuraFlowTransformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_mmdit_layers=2,
        num_single_dit_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=encoders.WIDTH,
        caption_projection_dim=32,
        pos_embed_max_size=256,
    )
    return AuraFlowPipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.73),
        vae=vaes.kl(4, scale=0.13025, quant=True),
        text_encoder=encoders.umt5(tokenizer),
        tokenizer=tokenizer,
    )
