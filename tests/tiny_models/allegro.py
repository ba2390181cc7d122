# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Allegro. Its autoencoder decodes by tiles only: whoever loads it turns them on.

Where no tile fits, nothing is decoded: a clip has at least 24 frames, and sides that tiles of ``TILE`` fill.
"""

import torch
from diffusers import (
    AllegroPipeline,
    AllegroTransformer3DModel,
    AutoencoderKLAllegro,
    DiffusionPipeline,
    EulerAncestralDiscreteScheduler,
)

from tests.tiny_models import encoders, text

TILE = 128


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.t5()
    torch.manual_seed(0)
    transformer = AllegroTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=2,
        cross_attention_dim=24,
        caption_channels=encoders.WIDTH,
        sample_width=10,
        sample_height=6,
        sample_frames=2,
    )
    torch.manual_seed(4)
    vae = AutoencoderKLAllegro(
        down_block_types=("AllegroDownBlock3D",) * 4,
        up_block_types=("AllegroUpBlock3D",) * 4,
        block_out_channels=(4, 4, 4, 4),
        sample_size=TILE,
        layers_per_block=1,
        norm_num_groups=2,
    )
    return AllegroPipeline(
        transformer=transformer.eval(),
        scheduler=EulerAncestralDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012),
        vae=vae.eval(),
        text_encoder=encoders.t5(tokenizer),
        tokenizer=tokenizer,
    )
