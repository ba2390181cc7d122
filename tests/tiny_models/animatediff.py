# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""AnimateDiff: Stable Diffusion 1.5 with a motion adapter."""

import torch
from diffusers import AnimateDiffPipeline, DDIMScheduler, DiffusionPipeline, MotionAdapter

from tests.tiny_models import stable_diffusion


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    base = stable_diffusion.build()
    torch.manual_seed(6)
    adapter = MotionAdapter(
        block_out_channels=tuple(base.unet.config.block_out_channels),
        motion_layers_per_block=1,
        motion_norm_num_groups=4,
        motion_num_attention_heads=4,
    )
    return AnimateDiffPipeline(
        vae=base.vae,
        text_encoder=base.text_encoder,
        tokenizer=base.tokenizer,
        unet=base.unet,
        motion_adapter=adapter,
        scheduler=DDIMScheduler(
            beta_schedule="linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, steps_offset=1
        ),
    )
