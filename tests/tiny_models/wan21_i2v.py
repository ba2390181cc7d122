# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Wan 2.1, picture to video: one expert that is shown the picture by a CLIP too."""

import torch
from diffusers import DiffusionPipeline, WanImageToVideoPipeline
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel

from tests.tiny_models import wan, wan_i2v

SIDE = 16
PATCH = 4
WIDTH = 16


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    sight = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
    )
    torch.manual_seed(5)
    return WanImageToVideoPipeline(
        **(wan.parts() | {"transformer": wan.transformer(0, wan_i2v.CHANNELS, image_dim=WIDTH)}),
        image_encoder=CLIPVisionModel(sight).eval(),
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}),
    )
