# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""HunyuanVideo: a Llama's hidden states and a pooled CLIP."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
)
from transformers import LlamaConfig, LlamaModel

from tests.tiny_models import encoders, text

CHANNELS = 16
WIDTH = 16
SHAPE = {
    "in_channels": CHANNELS,
    "out_channels": CHANNELS,
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "num_layers": 2,
    "num_single_layers": 2,
    "num_refiner_layers": 2,
    "text_embed_dim": WIDTH,
    "pooled_projection_dim": encoders.WIDTH,
    "rope_axes_dim": (4, 4, 4),
}


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    torch.manual_seed(0)
    transformer = HunyuanVideoTransformer3DModel(**SHAPE, guidance_embeds=True)
    return HunyuanVideoPipeline(**parts(), transformer=transformer.eval())


def parts() -> dict[str, Any]:
    """Components but for the transformer by their names; those of FramePack are alike."""
    first, second = text.llama(), text.clip()
    config = LlamaConfig(
        vocab_size=len(first),
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        bos_token_id=first.bos_token_id,
        eos_token_id=first.eos_token_id,
        pad_token_id=first.pad_token_id,
    )
    torch.manual_seed(3)
    llama = LlamaModel(config).eval()
    torch.manual_seed(4)
    vae = AutoencoderKLHunyuanVideo(
        latent_channels=CHANNELS, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4
    )
    return {
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
        "vae": vae.eval(),
        "text_encoder": llama,
        "tokenizer": first,
        "text_encoder_2": encoders.clip(second),
        "tokenizer_2": second,
    }
