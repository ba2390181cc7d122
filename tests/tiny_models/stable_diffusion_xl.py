# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Stable Diffusion XL: two text encoders, and sizes as conditions."""

import torch
from diffusers import DiffusionPipeline, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

from tests.tiny_models import encoders, text, vaes

SIZES = 6
"""Numbers among the conditions: the original size, the crop and the target size, two each."""


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    first, second = text.clip(), text.clip()
    return StableDiffusionXLPipeline(
        vae=vaes.kl(4, scale=0.13025, quant=True),
        text_encoder=encoders.clip(first),
        text_encoder_2=encoders.clip(second, projected=True),
        tokenizer=first,
        tokenizer_2=second,
        unet=unet(encoders.WIDTH * 2, encoders.WIDTH, SIZES),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
        add_watermarker=False,
    )


def unet(cross: int, pooled: int, sizes: int, **more: object) -> UNet2DConditionModel:
    """Takes hidden states ``cross`` wide, a pooled one and ``sizes`` numbers. Kolors has the same."""
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=sizes * 8 + pooled,
        cross_attention_dim=cross,
        norm_num_groups=4,
        **more,
    )
