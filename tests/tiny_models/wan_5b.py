# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Wan 2.2 5B: one transformer for text and picture, steps of its own for each frame, a VAE of squares of 16."""

import torch
from diffusers import AutoencoderKLWan, DiffusionPipeline, WanPipeline

from tests.tiny_models import wan

COLOURS = 12
"""Of two by two pixels in one."""


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    torch.manual_seed(6)
    vae = AutoencoderKLWan(
        base_dim=4,
        decoder_base_dim=8,
        z_dim=wan.CHANNELS,
        dim_mult=[1, 2, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * wan.CHANNELS,
        latents_std=[1.0] * wan.CHANNELS,
        is_residual=True,
        in_channels=COLOURS,
        out_channels=COLOURS,
        patch_size=2,
        scale_factor_spatial=16,
    )
    return WanPipeline(**(wan.parts() | {"vae": vae.eval()}), expand_timesteps=True)
