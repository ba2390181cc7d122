# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Autoencoders of random weights that shrink a side by eight, as the real ones do, so that sizes snap alike."""

import torch
from diffusers import AutoencoderKL


def kl(channels: int, *, scale: float, shift: float | None = None, quant: bool = False) -> AutoencoderKL:
    """``channels`` of the latents. ``quant``: has the convolutions round the latents (SD, SDXL)."""
    torch.manual_seed(4)
    return AutoencoderKL(
        sample_size=32,
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=2,
        scaling_factor=scale,
        shift_factor=shift,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
    ).eval()
