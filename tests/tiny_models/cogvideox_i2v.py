# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""CogVideoX, picture to video: its latents beside the noise, and positions learned for one size only."""

from diffusers import CogVideoXImageToVideoPipeline, DiffusionPipeline

from tests.tiny_models import cogvideox


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return CogVideoXImageToVideoPipeline(**cogvideox.parts(2 * cogvideox.CHANNELS, learned=True))
