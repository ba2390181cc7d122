# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Wan 2.2, text to video: two experts, one for the noisy steps. One frame of it is a picture."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKLWan,
    DiffusionPipeline,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)

from tests.tiny_models import encoders, text

CHANNELS = 16
BOUNDARY = 0.875
"""Share of the noise above which the first expert works."""


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return WanPipeline(**parts(), transformer_2=transformer(7), boundary_ratio=BOUNDARY)


def parts(channels: int = CHANNELS) -> dict[str, Any]:
    """Components of every Wan by their names; the transformer takes ``channels``."""
    tokenizer = text.t5()
    torch.manual_seed(4)
    vae = AutoencoderKLWan(
        base_dim=4,
        z_dim=CHANNELS,
        dim_mult=[1, 2, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * CHANNELS,
        latents_std=[1.0] * CHANNELS,
    )
    return {
        "transformer": transformer(0, channels),
        "scheduler": UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        "vae": vae.eval(),
        "text_encoder": encoders.umt5(tokenizer),
        "tokenizer": tokenizer,
    }


def transformer(seed: int, channels: int = CHANNELS, *, image_dim: int | None = None) -> WanTransformer3DModel:
    """One expert. In: latents, and what a picture adds to them; ``image_dim``: the width of what a CLIP saw in it."""
    torch.manual_seed(seed)
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels,
        out_channels=CHANNELS,
        text_dim=encoders.WIDTH,
        freq_dim=64,
        ffn_dim=32,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=64,
        image_dim=image_dim,
        added_kv_proj_dim=None if image_dim is None else 2 * 12,
    ).eval()
