# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Qwen-Image-Edit-2509 and later: up to three pictures to look at."""

from diffusers import DiffusionPipeline, QwenImageEditPlusPipeline

from tests.tiny_models import qwen_image, qwen_image_edit


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    components = qwen_image.parts()
    processor = qwen_image_edit.processor(components["tokenizer"])
    return QwenImageEditPlusPipeline(**components, processor=processor)
