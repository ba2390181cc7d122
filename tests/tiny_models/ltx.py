# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""LTX Video: latents shrunk thirty-two times a side and eight times in time.

The scheduler is that of the later models: the class for conditions refuses one that shifts with the size.
"""

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    LTXPipeline,
    LTXVideoTransformer3DModel,
)

from tests.tiny_models import encoders, text

CHANNELS = 128


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.t5()
    torch.manual_seed(0)
    transformer = LTXVideoTransformer3DModel(
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_attention_heads=4,
        attention_head_dim=8,
        cross_attention_dim=32,
        num_layers=2,
        caption_channels=encoders.WIDTH,
    )
    torch.manual_seed(4)
    vae = AutoencoderKLLTXVideo(
        latent_channels=CHANNELS,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
    )
    return LTXPipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae.eval(),
        text_encoder=encoders.t5(tokenizer),
        tokenizer=tokenizer,
    )
