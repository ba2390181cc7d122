# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Wan 2.2, picture to video: two experts, and the picture's latents and a mask beside the noise."""

from diffusers import DiffusionPipeline, WanImageToVideoPipeline

from tests.tiny_models import wan

CHANNELS = wan.CHANNELS * 2 + 4
BOUNDARY = 0.9


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return WanImageToVideoPipeline(
        **wan.parts(CHANNELS), transformer_2=wan.transformer(7, CHANNELS), boundary_ratio=BOUNDARY
    )
