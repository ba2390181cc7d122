# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Qwen-Image-Edit: Qwen-Image with one picture to look at.

Its inpainting class makes a million pixels of every picture, which takes too long even here.
"""

from typing import Any

from diffusers import DiffusionPipeline, QwenImageEditPipeline
from transformers import PaddleOCRVLProcessor, Qwen2Tokenizer, Qwen2VLImageProcessorPil

from tests.tiny_models import encoders, qwen_image


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    components = qwen_image.parts()
    return QwenImageEditPipeline(**components, processor=processor(components["tokenizer"]))


def processor(tokenizer: Qwen2Tokenizer) -> Any:
    """Of text with pictures.

    The real one can read clips too, for which it needs torchvision; this one reads pictures in the same way without.
    """
    pictures = Qwen2VLImageProcessorPil(patch_size=encoders.PATCH, merge_size=2, temporal_patch_size=2)
    return PaddleOCRVLProcessor(image_processor=pictures, tokenizer=tokenizer)
