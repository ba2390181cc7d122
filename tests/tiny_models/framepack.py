# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""FramePack: HunyuanVideo that goes on from a picture, window by window."""

import torch
from diffusers import (
    DiffusionPipeline,
    HunyuanVideoFramepackPipeline,
    HunyuanVideoFramepackTransformer3DModel,
)
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

from tests.tiny_models import hunyuan_video

SIDE = 30
PATCH = 10
WIDTH = 16


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    torch.manual_seed(0)
    transformer = HunyuanVideoFramepackTransformer3DModel(
        **hunyuan_video.SHAPE,
        guidance_embeds=True,
        has_image_proj=True,
        image_proj_dim=WIDTH,
        has_clean_x_embedder=True,
    )
    sight = SiglipVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
    )
    torch.manual_seed(5)
    return HunyuanVideoFramepackPipeline(
        **hunyuan_video.parts(),
        transformer=transformer.eval(),
        image_encoder=SiglipVisionModel(sight).eval(),
        feature_extractor=SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}),
    )
