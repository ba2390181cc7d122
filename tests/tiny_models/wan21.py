# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Wan 2.1, text to video: one expert."""

from diffusers import DiffusionPipeline, WanPipeline

from tests.tiny_models import wan


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    return WanPipeline(**wan.parts())
