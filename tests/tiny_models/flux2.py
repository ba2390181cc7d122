# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Flux 2 Dev: hidden states of three layers of a Mistral that could also see.

The real one has a processor of pictures round its tokenizer, which needs torchvision and which prompts do not use.
"""

from typing import Any

import torch
from diffusers import (
    AutoencoderKLFlux2,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    Flux2Pipeline,
    Flux2Transformer2DModel,
)
from transformers import Mistral3Config, Mistral3ForConditionalGeneration

from tests.tiny_models import text

WIDTH = 16
LAYERS = 30
"""The last of the layers whose hidden states the pipeline takes: 10, 20 and 30."""
PATCH = 6


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.llama("[IMG]", "[IMG_BREAK]", "[IMG_END]")
    return Flux2Pipeline(
        transformer=transformer(guided=True),
        scheduler=scheduler(),
        vae=vae(),
        text_encoder=_encoder(tokenizer),
        tokenizer=tokenizer,
    )


def transformer(*, guided: bool) -> Flux2Transformer2DModel:
    """Klein's is the same without the embedded guidance."""
    torch.manual_seed(0)
    return Flux2Transformer2DModel(
        patch_size=1,
        in_channels=128,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * WIDTH,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guided,
    ).eval()


def scheduler() -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)


def vae() -> AutoencoderKLFlux2:
    """Shrinks a side by eight; pairs of rows and columns are packed into channels."""
    torch.manual_seed(4)
    return AutoencoderKLFlux2(
        block_out_channels=(4, 8, 8, 8),
        layers_per_block=1,
        latent_channels=32,
        norm_num_groups=2,
        sample_size=32,
    ).eval()


def _encoder(tokenizer: Any) -> Mistral3ForConditionalGeneration:
    config = Mistral3Config(
        text_config={
            "model_type": "mistral",
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 24,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "num_hidden_layers": LAYERS,
            "head_dim": 8,
            "max_position_embeddings": 1024,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "model_type": "pixtral",
            "hidden_size": WIDTH,
            "intermediate_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 30,
            "patch_size": PATCH,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
    )
    torch.manual_seed(3)
    return Mistral3ForConditionalGeneration(config).eval()
