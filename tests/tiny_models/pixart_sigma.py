# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""PixArt-Sigma."""

import torch
from diffusers import DiffusionPipeline, DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

from tests.tiny_models import encoders, text, vaes


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.t5()
    torch.manual_seed(0)
    transformer = PixArtTransformer2DModel(
        sample_size=8,
        num_layers=2,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=4,
        in_channels=4,
        out_channels=8,
        caption_channels=encoders.WIDTH,
        cross_attention_dim=32,
        use_additional_conditions=False,
    )
    return PixArtSigmaPipeline(
        transformer=transformer.eval(),
        scheduler=DPMSolverMultistepScheduler(beta_schedule="linear", beta_start=0.0001, beta_end=0.02),
        vae=vaes.kl(4, scale=0.13025, quant=True),
        text_encoder=encoders.t5(tokenizer),
        tokenizer=tokenizer,
    )
