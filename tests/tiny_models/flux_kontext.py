# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Flux 1 Kontext: Flux with a picture to look at."""

from diffusers import DiffusionPipeline, FluxKontextPipeline

from tests.tiny_models import flux


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return FluxKontextPipeline(**flux.parts())
