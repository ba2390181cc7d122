# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""CogVideoX, text to video."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    DiffusionPipeline,
)

from tests.tiny_models import encoders, text

CHANNELS = 16
PLACES = 226
"""Of a prompt: the transformer's positions are made for exactly so many."""


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return CogVideoXPipeline(**parts())


def parts(channels: int = CHANNELS, *, learned: bool = False) -> dict[str, Any]:
    """Components by their names; the transformer takes ``channels``, its positions are ``learned`` for one size."""
    tokenizer = text.t5()
    torch.manual_seed(0)
    transformer = CogVideoXTransformer3DModel(
        in_channels=channels,
        out_channels=CHANNELS,
        num_attention_heads=2,
        attention_head_dim=16,
        time_embed_dim=8,
        text_embed_dim=encoders.WIDTH,
        num_layers=2,
        sample_width=10,
        sample_height=6,
        sample_frames=9,
        max_text_seq_length=PLACES,
        use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=learned,
    )
    torch.manual_seed(4)
    vae = AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8), latent_channels=CHANNELS, layers_per_block=1, norm_num_groups=2
    )
    scheduler = CogVideoXDDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    return {
        "transformer": transformer.eval(),
        "scheduler": scheduler,
        "vae": vae.eval(),
        "text_encoder": encoders.t5(tokenizer),
        "tokenizer": tokenizer,
    }
